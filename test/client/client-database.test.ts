import { afterEach, beforeEach, expect, test } from "vitest";
import { ClientDatabase } from "../../src/client/client-database.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { createTestDatabase } from "../support/test-database.ts";

let scratch: ScratchDatabase;
let database: ClientDatabase;

beforeEach(async () => {
  scratch = await createTestDatabase();
  database = new ClientDatabase({ connectionString: async () => scratch.url, pool: undefined });
});
afterEach(async () => {
  await database.close();
  await scratch.drop();
});

const double = async (n: string) => {
  const { rows } = await database.prepared("double").query("select $1::int * 2 as n", [n]);
  return rows[0]?.n;
};
const preparedHere = async () => {
  const { rows } = await database.query("select name from pg_prepared_statements", []);
  return rows.map(({ name }) => name);
};

test("a prepared statement is kept ready by the server", async () => {
  expect([await double("1"), await double("2")]).toEqual([2, 4]);
  expect(await preparedHere()).toEqual(["double"]);
});

test("where it is gone, as behind a pooler, it runs all the same and is prepared no more", async () => {
  await double("1");
  await database.query("deallocate all", []);
  expect(await double("2")).toBe(4);
  expect(await double("3")).toBe(6);
  expect(await preparedHere()).toEqual([]);
});

test("where somebody else has prepared one of that name, ours runs", async () => {
  await database.query("prepare double (int) as select $1 * 3 as n", []);
  expect(await double("2")).toBe(4);
});

test("a statement that fails is not sent again", async () => {
  await expect(double("many")).rejects.toThrow("invalid input syntax");
  expect(await double("2")).toBe(4);
  expect(await preparedHere()).toEqual(["double"]);
});
