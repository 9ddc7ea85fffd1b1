import { run, runMigrations } from "graphile-worker";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { migrate, migrationNames } from "../../src/store/migrate.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { createTestDatabase } from "../support/test-database.ts";

const schema = "graphile_worker";
let database: ScratchDatabase;
let db: pg.Pool;

beforeEach(async () => {
  database = await createTestDatabase();
  db = new pg.Pool({ connectionString: database.url, max: 1 });
});
afterEach(async () => {
  await db.end();
  await database.drop();
});

const value = async (text: string): Promise<unknown> =>
  Object.values((await db.query(text)).rows[0])[0];

test("an empty database gets the queue's tables and ours, once", async () => {
  expect(await migrate(database.url, { schema })).toEqual({ applied: migrationNames() });
  expect(await migrate(database.url, { schema })).toEqual({ applied: [] });
  expect(await value("select count(*)::int from taskrun.jobs")).toBe(0);
});

test("processes that start together take turns", async () => {
  const results = await Promise.all([1, 2, 3, 4].map(() => migrate(database.url, { schema })));
  const applied = results.flatMap((result) => result.applied);
  expect(applied.sort()).toEqual([...migrationNames()].sort());
});

test("a queue that graphile-worker has filled keeps its jobs and its own processes", async () => {
  await runMigrations({ connectionString: database.url });
  await db.query("select graphile_worker.add_job('old', '{\"n\": 1}')");
  await migrate(database.url, { schema });
  expect(await value("select payload from taskrun.jobs where task = 'old'")).toEqual({ n: 1 });
  const ran = Promise.withResolvers<unknown>();
  const runner = await run({
    connectionString: database.url,
    noHandleSignals: true,
    parsedCronItems: [],
    taskList: { old: async (payload) => ran.resolve(payload) },
  });
  expect(await ran.promise).toEqual({ n: 1 });
  await runner.stop();
});

test("another queue's schema has its own tables of ours", async () => {
  await migrate(database.url, { schema: "jobs" });
  expect(await value("select jobs_taskrun.add_job('a')::int")).toBe(1);
  expect(await value("select task from jobs_taskrun.jobs")).toBe("a");
});

test("a database of a newer taskrun is refused by name", async () => {
  await migrate(database.url, { schema });
  await db.query("insert into taskrun.migrations (name) values ('9999-from-the-future')");
  await expect(migrate(database.url, { schema })).rejects.toMatchObject({
    code: "schema-newer",
    message: expect.stringContaining("9999-from-the-future"),
  });
});

test("a queue whose tables lack what we use is refused, column by column", async () => {
  await migrate(database.url, { schema });
  await db.query("alter table graphile_worker._private_jobs rename column locked_by to holder");
  await expect(migrate(database.url, { schema })).rejects.toMatchObject({
    code: "queue-incompatible",
    message: expect.stringContaining("_private_jobs.locked_by"),
  });
});
