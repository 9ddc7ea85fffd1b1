import { readFileSync } from "node:fs";
import { runMigrations } from "graphile-worker";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  appliedMigrations,
  migrate,
  migrateIfNeeded,
  migrationNames,
} from "../../src/store/migrate.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { testRuntime } from "../support/test-runtime.ts";

let database: ScratchDatabase;
let db: pg.Client;
beforeEach(async () => {
  database = await createTestDatabase();
  db = new pg.Client(database.url);
  await db.connect();
});
afterEach(async () => {
  await db.end();
  await database.drop();
});

const schema = "graphile_worker";
const schemas = schemasFor(schema);

test("each migration has a number of its own, so that their order is plain", () => {
  const numbers = migrationNames().map((name) => name.slice(0, 4));
  expect(numbers).toEqual(numbers.map((_, at) => String(at + 1).padStart(4, "0")));
});

test("an empty database gets the queue and our tables, and says which", async () => {
  const told: string[] = [];
  expect(await appliedMigrations(db, schemas)).toEqual([]);
  const result = await migrate(database.url, { schema, onProgress: (line) => told.push(line) });
  expect(result.applied).toEqual(migrationNames());
  expect(told).toEqual(["migrating the database"]);
  expect(await appliedMigrations(db, schemas)).toEqual(migrationNames());
  const { rows } = await db.query("select taskrun.add_job('t') as id");
  expect(rows).toEqual([{ id: "1" }]);
});

test("a database that is up to date is left as it is, without a word", async () => {
  await migrate(database.url, { schema });
  const told: string[] = [];
  const result = await migrate(database.url, { schema, onProgress: (line) => told.push(line) });
  expect(result.applied).toEqual([]);
  expect(told).toEqual([]);
});

test("by a pool's connection an up-to-date database gets no other one, an empty one is migrated", async () => {
  const connections = async () => {
    const { rows } = await db.query(
      `select array_agg(application_name) as names from pg_stat_activity
       where datname = current_database() and application_name like 'taskrun %'`,
    );
    return rows[0].names;
  };
  const pool = new pg.Pool({ connectionString: database.url, application_name: "taskrun queue" });
  const first = await migrateIfNeeded(pool, database.url, { schema });
  expect(first.applied).toEqual(migrationNames());
  const gone = "postgres://127.0.0.1:1/nowhere";
  expect(await migrateIfNeeded(pool, gone, { schema })).toEqual({
    applied: [],
    unknownQueueMigration: null,
  });
  expect(await connections()).toEqual(["taskrun queue"]);
  await db.query("insert into taskrun.migrations (name) values ('9999-newer')");
  const refused = migrateIfNeeded(pool, gone, { schema });
  await expect(refused).rejects.toMatchObject({ code: "schema-newer" });
  await pool.end();
});

test("processes that start together migrate once", async () => {
  const results = await Promise.all([1, 2, 3, 4].map(() => migrate(database.url, { schema })));
  expect(results.flatMap(({ applied }) => applied).toSorted()).toEqual(migrationNames());
  const { rows } = await db.query(
    `select count(*)::int as n from pg_locks where locktype = 'advisory'
       and database = (select oid from pg_database where datname = current_database())`,
  );
  expect(rows).toEqual([{ n: 0 }]);
});

test("a queue that plain graphile-worker made keeps its jobs, which our view shows", async () => {
  await runMigrations({ connectionString: database.url, schema });
  await db.query(`select graphile_worker.add_job('old', '{"n":1}')`);
  await db.query("select graphile_worker.add_job('old', run_at := '2099-01-01')");
  await migrate(database.url, { schema });
  const { rows } = await db.query("select id, task, state from taskrun.jobs order by id");
  expect(rows).toEqual([
    { id: "1", task: "old", state: "pending" },
    { id: "2", task: "old", state: "scheduled" },
  ]);
});

test("a database that a newer taskrun has migrated is refused and left as it is", async () => {
  await migrate(database.url, { schema });
  await db.query("insert into taskrun.migrations (name) values ('9999-from-the-future')");
  await expect(migrate(database.url, { schema })).rejects.toMatchObject({
    code: "schema-newer",
    message: expect.stringContaining("9999-from-the-future"),
  });
});

test("a queue that lacks what we rely on is refused by name", async () => {
  await migrate(database.url, { schema });
  await db.query("alter table graphile_worker._private_jobs rename column revision to edition");
  await expect(migrate(database.url, { schema })).rejects.toMatchObject({
    code: "queue-incompatible",
    message: expect.stringContaining("_private_jobs.revision"),
  });
});

test("a migration that fails leaves nothing of itself", async () => {
  await runMigrations({ connectionString: database.url, schema });
  await db.query("create schema taskrun");
  await db.query("create view taskrun.history as select 1 as job_id");
  await expect(migrate(database.url, { schema })).rejects.toThrow("history");
  const { rows } = await db.query("select to_regclass('taskrun.processes') as found");
  expect(rows).toEqual([{ found: null }]);
  await db.query("drop view taskrun.history");
  expect((await migrate(database.url, { schema })).applied).toEqual(migrationNames());
});

test("a server that can't be reached is an error, and leaves no connection behind", async () => {
  const nowhere = "postgres://nobody@127.0.0.1:1/none";
  await expect(migrate(nowhere, { schema })).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

describe("another schema for the queue", () => {
  test("has our tables beside it, and works from end to end", async () => {
    const kit = await testRuntime({ greet: async () => "hello" }, { schema: "other" });
    try {
      const { id } = await kit.enqueue("greet", {}, { queue: "line", metadata: { a: 1 } });
      await kit.db.query("select other.add_job('greet')");
      expect(await kit.drain()).toMatchObject({ completed: 2 });
      expect(await kit.job(id)).toMatchObject({ state: "completed", output: "hello" });
      const { rows } = await kit.db.query("select count(*)::int as n from other_taskrun.history");
      expect(rows).toEqual([{ n: 2 }]);
      const { rows: none } = await kit.db.query("select to_regnamespace('taskrun') as found");
      expect(none).toEqual([{ found: null }]);
    } finally {
      await kit.stop();
    }
  });

  test("may have a name that must be quoted", async () => {
    const name = 'my "Queue"';
    await migrate(database.url, { schema: name });
    expect(await appliedMigrations(db, schemasFor(name))).toEqual(migrationNames());
  });
});

test("no migration names a schema instead of leaving it open", () => {
  for (const name of migrationNames()) {
    const url = new URL(`../../src/store/migrations/${name}.sql`, import.meta.url);
    const sql = readFileSync(url, "utf8").replace(/--.*$|'[^']*'/gm, "");
    expect(sql).not.toMatch(/\b(graphile_worker|taskrun)\./);
  }
});
