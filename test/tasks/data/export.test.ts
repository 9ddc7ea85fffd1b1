/** What the example task data/export promises, on a real database. */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CancelledError } from "taskrun";
import { runTask } from "taskrun/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import dataExport from "../../../tasks/data/export.ts";
import tenantInitialize from "../../../tasks/tenant/initialize.ts";
import { heard, type ProjectDatabase, projectDatabase } from "../../support/project-database.ts";
import { signal, testRuntime } from "../../support/test-runtime.ts";

let project: ProjectDatabase;

const acme = "3f2b6c1e-8a57-4c39-9d3b-0a4f5f5b7a10";
const full = { tenant_id: acme, export_type: "full" };

beforeEach(async () => {
  project = await projectDatabase();
  const { pool } = project;
  await runTask(tenantInitialize, { tenant_id: acme, slug: "acme" }, { pool });
  await pool.query(
    "insert into tenant_acme.members select n || '@x.co', 'member' from generate_series(1, 2500) n",
  );
});

afterEach(() => project.stop());

const exportData = (payload: object, more: object = {}) =>
  runTask(dataExport, payload, { pool: project.pool, job: { id: "8" }, ...more });

test("a full export has every row of the tenant, and says how far it is", async () => {
  const { outcome, output, progress, logs } = await exportData({ ...full, user_id: "u1" });

  expect(outcome.state).toBe("completed");
  const file = join(project.dataDir, "exports", "tenant_acme-8.jsonl");
  const text = await readFile(file, "utf8");
  expect(output).toEqual({
    file,
    bytes: Buffer.byteLength(text),
    tables: 2,
    rows: 2502,
    notified: false,
  });
  const lines = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toHaveLength(2502);
  expect(lines.at(-1)).toEqual({ table: "settings", row: { name: "time_zone", value: "UTC" } });
  expect(progress.length).toBeGreaterThan(3);
  expect(progress.at(-1)).toMatchObject({ done: 2, total: 2 });
  expect(logs).toContainEqual(expect.objectContaining({ message: "exported", userId: "u1" }));
});

test("a partial export has the tables asked for, each once", async () => {
  const tables = ["settings", "settings"];
  const { output } = await exportData({ ...full, export_type: "partial", tables });
  expect(output).toMatchObject({ tables: 1, rows: 2 });
});

test("a compressed one holds the same", async () => {
  const { output } = await exportData({ ...full, compress: true });
  expect(output?.file).toMatch(/\.jsonl\.gz$/);
  const text = gunzipSync(await readFile(output?.file ?? "")).toString();
  expect(text.trim().split("\n")).toHaveLength(2502);
});

test("a second attempt puts the same file in place of the first", async () => {
  await exportData(full);
  await project.pool.query("delete from tenant_acme.members");
  const { output } = await exportData(full, { attempt: 2 });
  expect(output).toMatchObject({ rows: 2 });
  expect(await project.files("exports")).toEqual(["tenant_acme-8.jsonl"]);
});

describe("who is to be told", () => {
  test("gets a mail, once for the job", async () => {
    const { output, enqueued } = await exportData({ ...full, notify: "ann@x.co" });
    expect(output?.notified).toBe(true);
    expect(enqueued).toMatchObject([
      { task: "send_email", payload: { to: "ann@x.co" }, options: { key: "data_export:8" } },
    ]);
  });

  test("and can't be is no reason to fail", async () => {
    await using kit = await testRuntime({
      "data/export": dataExport,
      "tenant/initialize": tenantInitialize,
      // Takes no mail of ours.
      send_email: { payload: { "~standard": refusing }, handler: async () => null },
    });
    await kit.enqueue("tenant/initialize", { tenant_id: acme });
    await kit.drain();
    const { id } = await kit.enqueue("data:export", { ...full, notify: "ann@x.co" });
    expect(await kit.runJob(id)).toMatchObject({ state: "completed", output: { notified: false } });
  });
});

const refusing = {
  version: 1,
  vendor: "test",
  validate: () => ({ issues: [{ message: "no" }] }),
} as const;

describe("a cancelled export", () => {
  test("ends in the midst of a table and leaves no file", async () => {
    const stop = new AbortController();
    let pages = 0;
    const pool = heard(project.pool, (text) => {
      if (text.startsWith("fetch")) pages += 1;
      if (pages === 2) stop.abort(new CancelledError("not needed any more"));
    });
    const { outcome } = await exportData(full, { pool, signal: stop.signal });

    expect(outcome).toEqual({ state: "cancelled", reason: "not needed any more" });
    expect(pages).toBeLessThan(4);
    expect(await project.files("exports")).toEqual([]);
  });

  test("leaves the connection as it was", async () => {
    const stop = new AbortController();
    const asked = signal();
    const pool = heard(project.pool, (text) => {
      if (!text.startsWith("fetch")) return;
      stop.abort(new CancelledError());
      asked.resolve();
    });
    await Promise.all([exportData(full, { pool, signal: stop.signal }), asked.promise]);
    const clients = await Promise.all([1, 2, 3, 4].map(() => project.pool.connect()));
    for (const client of clients) {
      await client.query("insert into tenant_acme.settings values (gen_random_uuid(), '1')");
      client.release();
    }
  });
});

describe("is refused for good", () => {
  test("a tenant that nobody has made", async () => {
    await project.pool.query("delete from tenants");
    const { outcome, error } = await exportData(full);
    expect(outcome.state).toBe("failed");
    expect(error?.message).toContain("there is no tenant");

    await project.pool.query("drop table tenants");
    expect((await exportData(full)).error?.message).toContain("there is no tenant");
  });

  test("a table that the tenant doesn't have, naming those it has", async () => {
    const tables = ["settings", "secrets"];
    const { outcome, error } = await exportData({ ...full, export_type: "partial", tables });
    expect(outcome.state).toBe("failed");
    expect(error?.message).toBe(
      "the schema tenant_acme has no table secrets; it has members, settings",
    );
    expect(await project.files("exports")).toEqual([]);
  });

  test.each([
    ["no type", { tenant_id: acme }],
    ["a tenant's id that is none", { ...full, tenant_id: "tenant-id" }],
    ["a partial export of nothing", { ...full, export_type: "partial", tables: [] }],
  ])("a payload with %s", async (_case, payload) => {
    const { outcome } = await exportData(payload);
    expect(outcome).toMatchObject({ state: "failed", error: { rule: "payload-schema" } });
  });
});

test("a folder that can't be written to is an error, retried", async () => {
  await writeFile(join(project.dataDir, "exports"), "a file in its place");
  const { outcome, error } = await exportData(full);
  expect(outcome.state).toBe("retrying");
  expect(error?.message).toContain("EEXIST");
});

test("a file that is left of a killed attempt is in nobody's way", async () => {
  await mkdir(join(project.dataDir, "exports"));
  await writeFile(join(project.dataDir, "exports", ".tenant_acme-8.jsonl.8.1.tmp"), "half");
  expect((await exportData(full)).output).toMatchObject({ rows: 2502 });
});
