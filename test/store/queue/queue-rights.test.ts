import pg from "pg";
import { expect, inject, test } from "vitest";
import { migrate } from "../../../src/store/migrate.ts";
import { checkQueueRights, queueRights } from "../../../src/store/queue/queue-rights.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import { createTestDatabase } from "../../support/test-database.ts";

const schemas = schemasFor("graphile_worker");

test("what a role may do with the queue is told right by right", async () => {
  const database = await createTestDatabase();
  const url = new URL(inject("adminDatabaseUrl"));
  url.pathname = new URL(database.url).pathname;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  const role = `someone_${process.pid}`;
  const asRole = async () => {
    await client.query(`set role ${role}`);
    try {
      const rights = await queueRights(client, schemas);
      const fault = await checkQueueRights(client, schemas).catch((error: unknown) => error);
      return { rights, says: fault instanceof Error ? fault.message : null };
    } finally {
      await client.query("reset role");
    }
  };
  try {
    await client.query(`create role ${role}`);
    expect(await asRole()).toEqual({ rights: null, says: null });
    await migrate(database.url, { schema: "graphile_worker" });
    expect(await asRole()).toMatchObject({
      rights: { role, reads: false, writes: false, seesRows: false },
      says: expect.stringContaining(`"${role}" may not read`),
    });
    await client.query(`grant usage on schema graphile_worker to ${role};
      grant select on graphile_worker._private_jobs to ${role}`);
    expect(await asRole()).toMatchObject({
      rights: { reads: true, writes: false, seesRows: false },
      says: expect.stringContaining(`"${role}" may not change`),
    });
    await client.query(`grant all on graphile_worker._private_jobs to ${role}`);
    expect(await asRole()).toMatchObject({
      rights: { reads: true, writes: true, seesRows: false },
      says: expect.stringContaining("row level security hides them"),
    });
    await client.query(`create policy others on graphile_worker._private_jobs to public
      using (true)`);
    expect(await asRole()).toMatchObject({ rights: { seesRows: true }, says: null });
    await client.query(`drop policy others on graphile_worker._private_jobs;
      alter role ${role} bypassrls`);
    expect(await asRole()).toMatchObject({ rights: { seesRows: true }, says: null });
  } finally {
    await client.query(`drop owned by ${role}; drop role ${role}`);
    await client.end();
    await database.drop();
  }
});
