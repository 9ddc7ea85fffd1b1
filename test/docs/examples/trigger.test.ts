/** The trigger of the documentation, run on a database as its reader would. */

import { readFile } from "node:fs/promises";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { migrate } from "../../../src/store/migrate.ts";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import sendEmail from "../../../tasks/send_email.ts";
import { createTestDatabase } from "../../support/test-database.ts";

const script = await readFile(
  new URL("../../../docs/examples/trigger.sql", import.meta.url),
  "utf8",
);

let database: ScratchDatabase;
let client: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.url, { schema: "graphile_worker" });
  // Both roles below have to find the script's table, and each may have a schema of its own.
  client = new Client({ connectionString: database.url, options: "-c search_path=public" });
  await client.connect();
  await client.query(script);
});

beforeEach(() =>
  client.query(`
    truncate signups;
    select graphile_worker.complete_jobs(array(select id from graphile_worker.jobs))`),
);

afterAll(async () => {
  await client.end();
  await database.drop();
});

async function jobs(): Promise<{ task: string; payload: unknown; max_attempts: number }[]> {
  const { rows } = await client.query(
    "select task, payload, key, max_attempts from taskrun.jobs order by id",
  );
  return rows;
}

test("a new row queues one mail that the task takes", async () => {
  await client.query("insert into signups (email, name) values ('ada@example.com', 'Ada')");

  const queued = await jobs();
  expect(queued).toMatchObject([{ task: "send_email", max_attempts: 3 }]);
  const payload = queued[0]?.payload;
  expect(payload).toMatchObject({ to: "ada@example.com", body: expect.stringContaining("Ada") });
  expect(z.safeParse(sendEmail.payload as z.ZodType, payload).success).toBe(true);
});

test("the script may run again, and rows queue one mail each all the same", async () => {
  await client.query(script);
  await client.query(script);
  await client.query("insert into signups (email, name) values ('a@b.c', 'A'), ('d@e.f', 'D')");

  expect(await jobs()).toHaveLength(2);
});

test("an insert that is rolled back queues nothing", async () => {
  await client.query("begin; insert into signups (email, name) values ('a@b.c', 'A'); rollback");

  expect(await jobs()).toEqual([]);
});

test("a role without rights on the queue may insert", async () => {
  const admin = new Client({ connectionString: database.adminUrl });
  await admin.connect();
  try {
    // Rolled back at the end: a role belongs to the whole server, not to this database.
    await admin.query("begin");
    await admin.query("create role signup_form; grant insert on signups to signup_form");
    await admin.query("set local role signup_form");
    await admin.query("insert into signups (email, name) values ('a@b.c', 'A')");
    await admin.query("savepoint inserted");
    await expect(admin.query("select graphile_worker.add_job('x')")).rejects.toThrow("permission");
    await admin.query("rollback to inserted; reset role");
    const { rows } = await admin.query("select task from taskrun.jobs");
    expect(rows).toEqual([{ task: "send_email" }]);
  } finally {
    await admin.end();
  }
});
