import { setImmediate as nextTurn } from "node:timers/promises";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
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
  const { rows } = await database.prepared("double", "n").query("select $1::int * 2", [n]);
  return Number(rows[0]?.n);
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

describe("its connections", () => {
  const here = async (): Promise<unknown> => {
    const { rows } = await database.query("select pg_backend_pid() as pid", []);
    return rows[0]?.pid;
  };

  /** Of the client, as somebody else sees it. */
  async function connected(admin: pg.Client): Promise<number> {
    const { rows } = await admin.query(
      `select count(*)::int as n from pg_stat_activity
       where datname = current_database() and application_name = 'taskrun client'`,
    );
    return rows[0].n;
  }

  let admin: pg.Client;
  beforeEach(async () => {
    admin = new pg.Client(scratch.url);
    await admin.connect();
  });
  afterEach(() => admin.end());

  test("one is kept from statement to statement, also after one that fails", async () => {
    const first = await here();
    await expect(database.query("select 1 / 0", [])).rejects.toThrow("division by zero");
    expect([await here(), await here()]).toEqual([first, first]);
    expect(await connected(admin)).toBe(1);
  });

  test("many at once go over at most ten, of which one is left", async () => {
    const slow = async () => {
      const { rows } = await database.query("select pg_backend_pid() as pid, pg_sleep(0.05)", []);
      return rows[0]?.pid;
    };
    for (const times of [25, 25]) {
      const pids = await Promise.all(Array.from({ length: times }, slow));
      expect(new Set(pids).size).toBeLessThanOrEqual(10);
      await expect.poll(() => connected(admin)).toBe(1);
    }
  });

  test("one that the server ends while nobody uses it is replaced without a word", async () => {
    const first = await here();
    await admin.query("select pg_terminate_backend($1)", [first]);
    await expect.poll(() => connected(admin)).toBe(0);
    // What the server has said at its end is read in this turn of the event loop at the latest.
    await nextTurn();
    expect(await here()).not.toBe(first);
    expect(await connected(admin)).toBe(1);
  });

  test("closing waits for what is under way, and leaves none", async () => {
    await here();
    const running = database.query("select pg_sleep(0.05)", []);
    await database.close();
    await running;
    await expect.poll(() => connected(admin)).toBe(0);
  });
});
