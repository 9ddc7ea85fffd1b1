import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Parameter, sendReady } from "../../src/store/ready-statement.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { createTestDatabase } from "../support/test-database.ts";

let scratch: ScratchDatabase;
let client: pg.Client;

beforeEach(async () => {
  scratch = await createTestDatabase();
  client = new pg.Client(scratch.url);
  client.on("error", () => {});
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await scratch.drop();
});

const send = (text: string, values: Parameter[] = [], name = "one") =>
  sendReady(client, { name, text, values });
const prepared = async () => {
  const { rows } = await client.query("select name, statement from pg_prepared_statements");
  return rows;
};

test("rows come as text by their places, and parameters go as Postgres reads them", async () => {
  const text = `select $1::text, $2::float8, $3::text is null, $4::int[], n, '{"a":1}'::json, null
    from generate_series(1, 2) n`;
  expect(await send(text, ['ü "\\', 1.5, null, [3, 4]])).toEqual([
    ['ü "\\', "1.5", "t", "{3,4}", "1", '{"a":1}', null],
    ['ü "\\', "1.5", "t", "{3,4}", "2", '{"a":1}', null],
  ]);
  expect(await send("select 1 where false", [], "none")).toEqual([]);
});

test("is parsed once, also where pg sends it in between", async () => {
  const text = "select $1::int + 1 as n";
  expect([await send(text, [1]), await send(text, [2])]).toEqual([[["2"]], [["3"]]]);
  expect((await client.query({ name: "one", text, values: [3] })).rows).toEqual([{ n: 4 }]);
  expect(await prepared()).toEqual([{ name: "one", statement: text }]);
});

test("one that pg has parsed before is ready", async () => {
  const text = "select $1::int + 1 as n";
  await client.query({ name: "one", text, values: [3] });
  expect(await send(text, [1])).toEqual([["2"]]);
});

test("those that are sent at once are answered each with its own", async () => {
  const text = "select $1::int";
  const all = await Promise.all([1, 2, 3].map((n) => send(text, [n])));
  expect(all).toEqual([[["1"]], [["2"]], [["3"]]]);
});

test.each([
  ["that can't be parsed", "select nonsense", "nonsense"],
  ["whose values are refused", "select $1::int", "invalid input syntax"],
  ["that fails at a row", "select 1 / (3 - n) from generate_series(1, 5) n", "division by zero"],
])("one %s fails alone", async (_, text, message) => {
  const values = text.includes("$1") ? ["many"] : [];
  await expect(send(text, values, "bad")).rejects.toThrow(message);
  await expect(send(text, values, "bad")).rejects.toThrow(message);
  expect(await send("select 1")).toEqual([["1"]]);
});

test("a name stands for one text", async () => {
  await send("select 1");
  await expect(send("select 2")).rejects.toThrow('The statement "one" has another text');
  expect(await send("select 1")).toEqual([["1"]]);
});

test("a lost connection fails what is under way and what comes after", async () => {
  const [[pid]] = (await send("select pg_backend_pid()")) as [[string]];
  const ended = new Promise<void>((resolve) => void client.once("end", resolve));
  const running = expect(send("select pg_sleep(60)", [], "slow")).rejects.toThrow();
  const other = new pg.Client(scratch.url);
  await other.connect();
  await other.query("select pg_terminate_backend($1)", [pid]);
  await other.end();
  await Promise.all([running, ended]);
  await expect(send("select 1")).rejects.toThrow();
});

test("the client's own limit holds, and no timer is left of it", async () => {
  const hasty = new pg.Client({ connectionString: scratch.url, query_timeout: 100 });
  hasty.on("error", () => {});
  await hasty.connect();
  const slow = sendReady(hasty, { name: "slow", text: "select pg_sleep(60)", values: [] });
  await expect(slow).rejects.toThrow("timeout");
  await hasty.end().catch(() => {});
  const patient = new pg.Client({ connectionString: scratch.url, query_timeout: 60_000 });
  await patient.connect();
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  await sendReady(patient, { name: "one", text: "select 1", values: [] });
  expect(timers()).toBe(before);
  await patient.end();
});
