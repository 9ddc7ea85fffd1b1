import pg from "pg";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { addPlain } from "../../src/client/add-plain.ts";
import { ClientDatabase } from "../../src/client/client-database.ts";
import { migrate } from "../../src/store/migrate.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { createTestDatabase } from "../support/test-database.ts";

const schema = "graphile_worker";
const schemas = schemasFor(schema);
const job = {
  kind: { json: JSON.stringify({ task: "greet", validate: false }) },
  payloadJson: '{"name":"Ada"}',
};

let scratch: ScratchDatabase;
let database: ClientDatabase;
beforeEach(async () => {
  scratch = await createTestDatabase();
  await migrate(scratch.url, { schema });
  database = new ClientDatabase({ connectionString: async () => scratch.url, pool: undefined });
});
afterEach(async () => {
  await database.close();
  await scratch.drop();
});

async function sentAs(): Promise<unknown[]> {
  const { rows } = await database.query(
    "select name from pg_prepared_statements where name like 'taskrun add %' order by name",
    [],
  );
  return rows.map(({ name }) => name);
}

async function jobs() {
  const { rows } = await database.query(
    "select id::text, task_identifier as task, priority from graphile_worker.jobs order by id",
    [],
  );
  return rows;
}

test("a job alone goes by a statement of its own once its task is known; several together", async () => {
  const add = addPlain(database, schemas);
  expect(await add([job])).toEqual(["1"]);
  const both = ["taskrun add one plain job", "taskrun add plain jobs"];
  expect(await sentAs()).toEqual(both);
  await database.query("deallocate all", []);
  // That it is gone shows in the first, which is sent all the same.
  expect(await add([job])).toEqual(["2"]);
  expect(await add([job, job])).toEqual(["3", "4"]);
  expect(await jobs()).toEqual(
    ["1", "2", "3", "4"].map((id) => ({ id, task: "greet", priority: 0 })),
  );
});

test("what the row can't say goes by the function", async () => {
  const add = addPlain(database, schemas);
  await add([job]);
  const urgent = { task: "greet", validate: false, priority: -30, metadata: { a: 1 } };
  expect(await add([{ ...job, kind: { json: JSON.stringify(urgent) } }])).toEqual(["2"]);
  expect(await jobs()).toMatchObject([{ priority: 0 }, { priority: -30 }]);
});

test("a role that may only call the function adds by it, and asks for no more than once", async () => {
  const role = `only_adds_${process.pid}`;
  const admin = new pg.Client(adminUrl());
  await admin.connect();
  try {
    await admin.query(`
      create role ${role} login password 'pa55-word';
      grant usage on schema taskrun, graphile_worker to ${role};
      alter function taskrun.add_plain_jobs security definer`);
    const url = new URL(scratch.url);
    url.username = role;
    url.password = "pa55-word";
    const own = new ClientDatabase({ connectionString: async () => url.href, pool: undefined });
    try {
      const add = addPlain(own, schemas);
      expect([await add([job]), await add([job])]).toEqual([["1"], ["2"]]);
    } finally {
      await own.close();
    }
    expect(await jobs()).toHaveLength(2);
  } finally {
    await admin.query(`drop owned by ${role}; drop role ${role}`);
    await admin.end();
  }
});

test("a database with the queue and not our schema takes no job", async () => {
  await database.query("drop schema taskrun cascade", []);
  await database.query("select graphile_worker.add_job('greet')", []);
  await expect(addPlain(database, schemas)([job])).rejects.toMatchObject({ code: "3F000" });
  expect(await jobs()).toHaveLength(1);
});

test("a payload that the database refuses is not tried again", async () => {
  const add = addPlain(database, schemas);
  await add([job]);
  await expect(add([{ ...job, payloadJson: "{" }])).rejects.toMatchObject({ code: "22P02" });
  expect(await add([job])).toEqual(["2"]);
});

function adminUrl(): string {
  const url = new URL(inject("adminDatabaseUrl"));
  url.pathname = new URL(scratch.url).pathname;
  return url.href;
}
