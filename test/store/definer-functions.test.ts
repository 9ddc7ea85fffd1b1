import pg from "pg";
import { expect, test } from "vitest";
import { definerFunctions, restoreDefiners } from "../../src/store/definer-functions.ts";
import { migrate } from "../../src/store/migrate.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import { createTestDatabase } from "../support/test-database.ts";

test("a function that a migration replaces acts with its owner's rights again", async () => {
  const database = await createTestDatabase();
  const schemas = schemasFor("graphile_worker");
  await migrate(database.url, { schema: "graphile_worker" });
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    expect(await definerFunctions(client, schemas)).toEqual([]);
    await client.query(`alter function taskrun.add_jobs(jsonb) security definer;
      create function taskrun.gone() returns int security definer language sql as 'select 1'`);
    const before = await definerFunctions(client, schemas);
    expect(before.sort()).toEqual(["taskrun.add_jobs(jsonb)", "taskrun.gone()"]);
    await client.query(`drop function taskrun.gone();
      create or replace function taskrun.add_jobs(jobs jsonb) returns setof bigint
        language sql as 'select 1::bigint'`);
    expect(await definerFunctions(client, schemas)).toEqual([]);
    await restoreDefiners(client, before);
    expect(await definerFunctions(client, schemas)).toEqual(["taskrun.add_jobs(jsonb)"]);
    const { rows } = await client.query(
      "select proconfig from pg_proc where oid = 'taskrun.add_jobs(jsonb)'::regprocedure",
    );
    expect(rows).toEqual([{ proconfig: ["search_path=pg_catalog, pg_temp"] }]);
  } finally {
    await client.end();
    await database.drop();
  }
});
