/** What the example task account_cleanup promises, on a real database. */

import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runTask } from "taskrun/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import accountCleanup from "../../tasks/account_cleanup.ts";
import {
  addUsers,
  heard,
  type ProjectDatabase,
  projectDatabase,
} from "../support/project-database.ts";

let project: ProjectDatabase;

beforeEach(async () => {
  project = await projectDatabase();
});

afterEach(() => project.stop());

const cleanUp = (payload: object, more: object = {}) =>
  runTask(accountCleanup, payload, { pool: project.pool, job: { id: "9" }, ...more });

async function emails(): Promise<string[]> {
  const { rows } = await project.pool.query("select email from users order by id");
  return rows.map(({ email }) => email);
}

const old = "2020-01-01";
const three = [
  { email: "new@x.co" },
  { email: "old@x.co", created: old, seen: "2020-02-01" },
  { email: "back@x.co", created: old, seen: "2100-01-01" },
  { email: "never@x.co", created: "2019-01-01" },
];

describe("of unused accounts", () => {
  test("goes what nobody used for that long, longest unused first", async () => {
    const [, used, , never] = await addUsers(project.pool, three);
    const { outcome, output, progress } = await cleanUp({ unusedFor: "365d" });

    expect(outcome.state).toBe("completed");
    expect(output).toEqual({
      found: 2,
      deleted: 2,
      dryRun: false,
      accounts: [never, used],
      failures: [],
    });
    expect(await emails()).toEqual(["new@x.co", "back@x.co"]);
    expect(progress.at(-1)).toEqual({ done: 2, total: 2, message: "0 failed" });
  });

  test("go no more than asked for", async () => {
    await addUsers(project.pool, three);
    expect((await cleanUp({ unusedFor: "365d", limit: 1 })).output).toMatchObject({ deleted: 1 });
    expect(await emails()).toHaveLength(3);
  });

  test("a dry run names them and deletes none, nor their files, nor writes to them", async () => {
    const [, used, , never] = await addUsers(project.pool, three);
    await mkdir(join(project.dataDir, "users", `${used}`), { recursive: true });
    const { output } = await cleanUp({ unusedFor: "365d", dryRun: true });

    expect(output).toMatchObject({ found: 2, deleted: 0, dryRun: true, accounts: [never, used] });
    expect(await emails()).toHaveLength(4);
    expect(await project.files("users")).toEqual([used]);
    expect(await project.jobs()).toEqual([]);
  });

  test("a second run finds none", async () => {
    await addUsers(project.pool, three);
    await cleanUp({ unusedFor: "365d" });
    expect((await cleanUp({ unusedFor: "365d" })).output).toMatchObject({ found: 0, deleted: 0 });
    expect(await project.jobs()).toHaveLength(2);
  });
});

describe("with an account", () => {
  test("go its files, and its owner gets a mail", async () => {
    const [id = ""] = await addUsers(project.pool, [{ email: "a@x.co" }]);
    const files = join(project.dataDir, "users", id);
    await mkdir(join(files, "photos"), { recursive: true });
    await writeFile(join(files, "photos", "1.png"), "x");
    await mkdir(join(project.dataDir, "users", `${id}0`));
    const payload = { user_id: Number(id), reason: "account_deletion" };
    const { output } = await cleanUp(payload);

    expect(output).toMatchObject({ deleted: 1, accounts: [id] });
    expect(await readdir(join(project.dataDir, "users"))).toEqual([`${id}0`]);
    expect(await project.jobs()).toMatchObject([
      {
        task: "send_email",
        parent_id: "9",
        payload: { to: "a@x.co", body: expect.stringContaining("account_deletion") },
      },
    ]);
  });

  test("nobody gets a mail when told so", async () => {
    const [id] = await addUsers(project.pool, [{ email: "a@x.co" }]);
    await cleanUp({ user_id: Number(id), notify: false });
    expect(await project.jobs()).toEqual([]);
  });

  test("that isn't there is nothing to do", async () => {
    await addUsers(project.pool, []);
    expect((await cleanUp({ user_id: 77 })).output).toMatchObject({ found: 0, deleted: 0 });
  });
});

describe("an account that can't be deleted", () => {
  async function withInvoice() {
    const ids = await addUsers(project.pool, three);
    await project.pool.query("create table invoices (user_id bigint references users)");
    await project.pool.query("insert into invoices values ($1)", [ids[3]]);
    return ids;
  }

  test("is reported, keeps its files, gets no mail, and doesn't hold the others", async () => {
    const [, used, , never = ""] = await withInvoice();
    await mkdir(join(project.dataDir, "users", never), { recursive: true });
    const { outcome, output, logs } = await cleanUp({ unusedFor: "365d" });

    expect(outcome.state).toBe("completed");
    expect(output).toMatchObject({
      found: 2,
      deleted: 1,
      accounts: [used],
      failures: [{ id: never, reason: expect.stringContaining("invoices") }],
    });
    expect(await project.files("users")).toEqual([never]);
    expect(await project.jobs()).toMatchObject([{ payload: { to: "old@x.co" } }]);
    expect(logs.filter(({ level }) => level === "warn")).toHaveLength(1);
  });

  test("ends the job for good when there is no other", async () => {
    const [, , , never] = await withInvoice();
    const { outcome, error } = await cleanUp({ user_id: Number(never) });

    expect(outcome.state).toBe("failed");
    expect(error?.message).toContain(`none of 1 accounts could be deleted; ${never}:`);
  });
});

test("who signs in meanwhile stays, and that is no failure", async () => {
  await addUsers(project.pool, [{ email: "old@x.co", created: old }]);
  const pool = heard(project.pool, (text) =>
    text === "begin" ? project.pool.query("update users set last_seen_at = now()") : undefined,
  );
  const { output } = await cleanUp({ unusedFor: "365d" }, { pool });

  expect(output).toMatchObject({ found: 1, deleted: 0, failures: [] });
  expect(await emails()).toEqual(["old@x.co"]);
  expect(await project.jobs()).toEqual([]);
});

test("what is wrong with the database is no account's fault, and leaves the account whole", async () => {
  await addUsers(project.pool, three);
  const pool = heard(project.pool, (text) => {
    if (text.includes("taskrun.add_job")) {
      throw Object.assign(new Error("the server is going down"), { code: "57P01" });
    }
  });
  const { outcome } = await cleanUp({ unusedFor: "365d" }, { pool });

  expect(outcome).toMatchObject({ state: "retrying", error: { rule: "sqlstate" } });
  expect(await emails()).toHaveLength(4);
});

test("a stopped attempt ends between two accounts; the next goes on with the rest", async () => {
  await addUsers(project.pool, three);
  const stop = new AbortController();
  const pool = heard(project.pool, (text) => {
    if (text === "commit") stop.abort(new Error("enough"));
  });
  const { error } = await cleanUp({ unusedFor: "365d" }, { pool, signal: stop.signal });

  expect(error?.message).toBe("enough");
  expect(await emails()).toEqual(["new@x.co", "old@x.co", "back@x.co"]);
  expect((await cleanUp({ unusedFor: "365d" }, { attempt: 2 })).output).toMatchObject({
    deleted: 1,
  });
});

test("without a table users the job fails and says how to make one", async () => {
  const { outcome, error } = await cleanUp({ user_id: 1 });

  expect(outcome.state).toBe("failed");
  expect(error?.message).toContain("create table users (");
});

test.each([
  ["nothing", {}],
  ["no real user", { user_id: 0 }],
  ["less than a day", { unusedFor: "1h" }],
  ["no span of time", { unusedFor: "long" }],
])("a payload with %s is refused", async (_case, payload) => {
  const { outcome } = await cleanUp(payload);
  expect(outcome).toMatchObject({ state: "failed", error: { rule: "payload-schema" } });
});
