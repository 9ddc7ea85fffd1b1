import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { expect, test } from "vitest";
import { examineDatabase } from "../../src/cli/examine-database.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { migrate } from "../../src/store/migrate.ts";
import { createTestDatabase } from "../support/test-database.ts";

async function examine(flags: { connection?: string; dataDir?: string }) {
  const { config } = await loadConfig({ flags, environment: {} });
  const findings = await examineDatabase(config);
  return Object.fromEntries(findings.map((finding) => [finding.name, finding]));
}

test("a migrated database is well", async () => {
  const database = await createTestDatabase();
  await migrate(database.url, { schema: "graphile_worker" });
  const found = await examine({ connection: database.url });
  expect(Object.keys(found)).toEqual(["database", "rights", "queue schema", "own schema", "clock"]);
  expect(new Set(Object.values(found).map(({ status }) => status))).toEqual(new Set(["ok"]));
  expect(found.database?.detail).toMatch(/Postgres \d+/);
  await database.drop();
});

test.each([
  [false, "warn", /migration 21, of a newer one.*said to fit/],
  [true, "fail", /migration 21, of a newer one.*breaking/],
])(
  "a newer graphile-worker's migration, breaking %s, is a %s",
  async (breaking, status, detail) => {
    const database = await createTestDatabase();
    await migrate(database.url, { schema: "graphile_worker" });
    const db = new pg.Client(database.url);
    await db.connect();
    await db.query("insert into graphile_worker.migrations (id, breaking) values (21, $1)", [
      breaking,
    ]);
    await db.end();
    const found = await examine({ connection: database.url });
    expect(found["queue schema"]).toMatchObject({ status, detail: expect.stringMatching(detail) });
    await database.drop();
  },
);

test("an empty one is to be migrated, and is not touched", async () => {
  const database = await createTestDatabase();
  for (const _ of ["first", "second"]) {
    const found = await examine({ connection: database.url });
    expect(found["queue schema"]).toMatchObject({ status: "warn" });
    expect(found["own schema"]).toMatchObject({ status: "warn" });
  }
  await database.drop();
});

test("one that can't be reached is the only finding", async () => {
  const found = await examine({ connection: "postgres://u:s3cret@127.0.0.1:1/x" });
  expect(Object.keys(found)).toEqual(["database"]);
  expect(found.database).toMatchObject({ status: "fail" });
  expect(JSON.stringify(found)).not.toContain("s3cret");
});

test("an embedded one that isn't running is no fault, and isn't started", async () => {
  const dataDir = await mkdtemp(path.join(tmpdir(), "taskrun-doctor-"));
  const found = await examine({ dataDir });
  expect(Object.keys(found)).toEqual(["embedded"]);
  expect(found.embedded).toMatchObject({ status: "ok" });
});
