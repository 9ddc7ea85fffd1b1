import { sql as drizzleSql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import createKnex from "knex";
import { CamelCasePlugin, Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient, type TaskrunClient } from "../../src/client/create-client.ts";
import { transactionRunner } from "../../src/client/transaction-runner.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../support/test-runtime.ts";

let runtime: TestRuntime;
let client: TaskrunClient;
let pool: pg.Pool;

beforeAll(async () => {
  runtime = await testRuntime({ note: async () => 1 });
  await runtime.db.query("create table notes (text text)");
  client = createClient({ connectionString: runtime.connectionString, tasks: false });
  pool = new pg.Pool({ connectionString: runtime.connectionString, max: 2 });
});

afterAll(async () => {
  await client.close();
  await pool.end();
  await runtime.stop();
});

/** Runs `work` in a transaction of one library; it rolls back when `work` throws. */
type InTransaction = (
  work: (tx: object, insert: (text: string) => Promise<unknown>) => Promise<void>,
) => Promise<unknown>;

const libraries: Record<string, () => InTransaction> = {
  "pg's PoolClient": () => async (work) => {
    const connection = await pool.connect();
    try {
      await connection.query("begin");
      await work(connection, (text) => connection.query("insert into notes values ($1)", [text]));
      await connection.query("commit");
    } catch (error) {
      await connection.query("rollback");
      throw error;
    } finally {
      connection.release();
    }
  },
  "kysely's Transaction": () => {
    const db = new Kysely<{ notes: { text: string } }>({ dialect: new PostgresDialect({ pool }) });
    return (work) =>
      db
        .transaction()
        .execute((trx) => work(trx, (text) => trx.insertInto("notes").values({ text }).execute()));
  },
  "kysely's Transaction with plugins": () => {
    const db = new Kysely<{ notes: { text: string } }>({
      dialect: new PostgresDialect({ pool }),
      plugins: [new CamelCasePlugin()],
    });
    return (work) =>
      db
        .transaction()
        .execute((trx) => work(trx, (text) => trx.insertInto("notes").values({ text }).execute()));
  },
  "drizzle's transaction": () => {
    const db = drizzle(pool);
    return (work) =>
      db.transaction((tx) =>
        work(tx, (text) => tx.execute(drizzleSql`insert into notes values (${text})`)),
      );
  },
  "knex's Transaction": () => {
    const knex = createKnex({ client: "pg", connection: runtime.connectionString });
    return async (work) => {
      try {
        await knex.transaction((trx) =>
          work(trx, (text) =>
            trx("notes")
              .insert({ text })
              .then(() => {}),
          ),
        );
      } finally {
        await knex.destroy();
      }
    };
  },
  "prisma's method $queryRawUnsafe": () => async (work) => {
    await libraries["pg's PoolClient"]!()((connection, insert) => {
      const { query } = transactionRunner(connection);
      const $queryRawUnsafe = async (text: string, ...values: string[]) =>
        (await query(text, values)).rows;
      return work({ $queryRawUnsafe }, insert);
    });
  },
  "postgres.js's method unsafe": () => async (work) => {
    await libraries["pg's PoolClient"]!()((connection, insert) => {
      const { query } = transactionRunner(connection);
      const unsafe = async (text: string, values: string[]) => (await query(text, values)).rows;
      return work({ unsafe }, insert);
    });
  },
};

async function notes(): Promise<string[]> {
  const { rows } = await runtime.db.query("select text from notes order by 1");
  return rows.map(({ text }) => text);
}

describe.each(Object.keys(libraries))("%s", (library) => {
  const inTransaction: InTransaction = (work) => libraries[library]!()(work);

  test("keeps jobs and rows alike when it commits, and neither when it rolls back", async () => {
    await runtime.db.query("delete from notes");
    const ids: string[] = [];
    const enqueue = async (tx: object) => {
      const payload = { it: `"s' $1 ?` };
      ids.push((await client.with(tx).enqueue("note", payload, { createdBy: "ann" })).id);
      const many = await client.with(tx).enqueueMany([
        { task: "note", payload },
        { task: "note", key: library },
      ]);
      ids.push(...many.map(({ id }) => id));
    };

    const rolledBack = inTransaction(async (tx, insert) => {
      await insert("gone");
      await enqueue(tx);
      throw new Error("changed my mind");
    });
    await expect(rolledBack).rejects.toThrow("changed my mind");
    expect(ids).toHaveLength(3);
    expect(await Promise.all(ids.map((id) => runtime.job(id)))).toEqual([null, null, null]);
    expect(await notes()).toEqual([]);

    ids.length = 0;
    await inTransaction(async (tx, insert) => {
      await insert("kept");
      await enqueue(tx);
    });
    expect(await Promise.all(ids.map((id) => runtime.job(id)))).toMatchObject([
      { payload: { it: `"s' $1 ?` }, created_by: "ann" },
      { payload: { it: `"s' $1 ?` } },
      { payload: {}, key: library },
    ]);
    expect(await notes()).toEqual(["kept"]);
  });
});

describe("what is in no transaction is refused:", () => {
  const outside: Record<string, () => object> = {
    "pg's Pool": () => pool,
    kysely: () => new Kysely({ dialect: new PostgresDialect({ pool }) }),
    drizzle: () => drizzle(pool),
    knex: () => createKnex({ client: "pg" }),
    "postgres.js": () => ({ unsafe: () => [], begin: () => undefined }),
    "an empty object": () => ({}),
  };

  test.each(Object.entries(outside))("%s", (_name, make) => {
    expect(() => client.with(make())).toThrow(expect.objectContaining({ code: "bad-transaction" }));
  });
});

test("an adapter that returns no rows is refused", async () => {
  const tx = { query: async () => undefined };
  await expect(client.with(tx).enqueue("note")).rejects.toMatchObject({ code: "bad-transaction" });
});
