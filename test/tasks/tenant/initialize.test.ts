/** What the example task tenant/initialize promises, on a real database. */

import { runTask } from "taskrun/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import tenantInitialize from "../../../tasks/tenant/initialize.ts";
import { heard, type ProjectDatabase, projectDatabase } from "../../support/project-database.ts";
import { addBySql, testRuntime } from "../../support/test-runtime.ts";

let project: ProjectDatabase;

beforeEach(async () => {
  project = await projectDatabase();
});

afterEach(() => project.stop());

const acme = "3f2b6c1e-8a57-4c39-9d3b-0a4f5f5b7a10";
const other = "aaaaaaaa-8a57-4c39-9d3b-0a4f5f5b7a10";

const initialize = (payload: object, more: object = {}) =>
  runTask(tenantInitialize, payload, { pool: project.pool, job: { id: "5" }, ...more });

async function schemas(): Promise<string[]> {
  const { rows } = await project.pool.query(
    "select nspname from pg_namespace where nspname like 'tenant%' order by 1",
  );
  return rows.map(({ nspname }) => nspname);
}

test("a tenant gets a schema with its tables and settings, and its owner a mail", async () => {
  const { outcome, output } = await initialize({
    tenant_id: acme,
    slug: "acme",
    owner_email: "ann@acme.co",
  });

  expect(outcome.state).toBe("completed");
  expect(output).toEqual({ tenant_id: acme, schema: "tenant_acme", created: true });
  const { rows } = await project.pool.query("select name, value from tenant_acme.settings");
  expect(rows).toContainEqual({ name: "time_zone", value: "UTC" });
  await project.pool.query("insert into tenant_acme.members (email, role) values ('a', 'owner')");
  expect(await project.jobs()).toMatchObject([
    { task: "send_email", parent_id: "5", payload: { to: "ann@acme.co" } },
  ]);
});

test("without a slug the schema has the tenant's id in its name, and nobody gets a mail", async () => {
  const { output } = await initialize({ tenant_id: acme });
  expect(output?.schema).toBe(`tenant_${acme.replaceAll("-", "")}`);
  expect(await schemas()).toEqual([output?.schema]);
  expect(await project.jobs()).toEqual([]);
});

test("a second run changes nothing and writes to nobody", async () => {
  const payload = { tenant_id: acme, slug: "acme", owner_email: "ann@acme.co" };
  await initialize(payload);
  await project.pool.query("delete from tenant_acme.settings");
  const { outcome, output } = await initialize(payload, { attempt: 2 });

  expect(outcome.state).toBe("completed");
  expect(output).toMatchObject({ created: false });
  const left = await project.pool.query("select from tenant_acme.settings");
  expect(left.rowCount).toBe(0);
  expect(await project.jobs()).toHaveLength(1);
});

test("four at once make one tenant, and four tenants at once four", async () => {
  const same = await Promise.all(
    Array.from({ length: 4 }, () => initialize({ tenant_id: acme, slug: "acme" })),
  );
  expect(same.filter(({ output }) => output?.created)).toHaveLength(1);
  expect(same.map(({ outcome }) => outcome.state)).toEqual(Array(4).fill("completed"));

  const ids = [1, 2, 3, 4].map((n) => other.replace(/^a/, String(n)));
  const runs = await Promise.all(ids.map((tenant_id) => initialize({ tenant_id })));
  expect(runs.map(({ output }) => output?.created)).toEqual([true, true, true, true]);
});

describe("a tenant is there as a whole or not at all", () => {
  test.each(["insert into tenants", "taskrun.add_job", "commit"])(
    "when the database goes away at: %s",
    async (statement) => {
      const payload = { tenant_id: acme, slug: "acme", owner_email: "ann@acme.co" };
      const pool = heard(project.pool, (text) => {
        if (!text.includes(statement)) return;
        throw Object.assign(new Error("going down"), { code: "57P01" });
      });
      const { outcome } = await initialize(payload, { pool });
      expect(outcome).toMatchObject({ state: "retrying", error: { rule: "sqlstate" } });
      expect(await schemas()).toEqual([]);
      expect(await project.jobs()).toEqual([]);

      expect((await initialize(payload, { attempt: 2 })).output).toMatchObject({ created: true });
      expect(await project.jobs()).toHaveLength(1);
    },
  );

  test("when it is cancelled just before the end", async () => {
    const stop = new AbortController();
    const pool = heard(project.pool, (text) => {
      if (text.includes("insert into tenants")) stop.abort(new Error("enough"));
    });
    const { error } = await initialize({ tenant_id: acme }, { pool, signal: stop.signal });
    expect(error?.message).toBe("enough");
    expect(await schemas()).toEqual([]);
  });
});

describe("is refused for good", () => {
  test("what would share another tenant's schema", async () => {
    await initialize({ tenant_id: acme, slug: "acme" });
    const { outcome, error } = await initialize({ tenant_id: other, slug: "acme" });
    expect(outcome.state).toBe("failed");
    expect(error?.message).toBe("tenant_acme belongs to another tenant");
  });

  test("a second schema for one tenant", async () => {
    await initialize({ tenant_id: acme, slug: "acme" });
    const { outcome, error } = await initialize({ tenant_id: acme, slug: "acme_2" });
    expect(outcome.state).toBe("failed");
    expect(error?.message).toBe(`the tenant ${acme} has the schema tenant_acme`);
    expect(await schemas()).toEqual(["tenant_acme"]);
  });

  test("a schema that somebody else has made, whatever is in there", async () => {
    await project.pool.query("create schema tenant_acme");
    const { outcome, error } = await initialize({ tenant_id: acme, slug: "acme" });
    expect(outcome.state).toBe("failed");
    expect(error?.message).toContain("it is no tenant's");
    const made = await project.pool.query("select from pg_tables where schemaname = 'tenant_acme'");
    expect(made.rowCount).toBe(0);
  });

  test.each([
    ["no id", { slug: "acme" }],
    ["an id that is none", { tenant_id: "tenant-id" }],
    ["a slug that is SQL", { tenant_id: acme, slug: 'x"; drop schema public; --' }],
    ["an address that is none", { tenant_id: acme, owner_email: "ann" }],
  ])("a payload with %s", async (_case, payload) => {
    const { outcome } = await initialize(payload);
    expect(outcome).toMatchObject({ state: "failed", error: { rule: "payload-schema" } });
  });
});

test("jobs queued as tenant:initialize run", async () => {
  await using kit = await testRuntime({ "tenant/initialize": tenantInitialize });
  const id = await addBySql(kit, "tenant:initialize", { tenant_id: acme, slug: "acme" });
  expect(await kit.runJob(id)).toMatchObject({ state: "completed", output: { created: true } });
});
