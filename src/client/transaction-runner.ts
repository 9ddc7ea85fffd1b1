/**
 * Runs our statements inside somebody else's transaction. Owns what each library's transaction
 * looks like; refuses what is none, since a job would then be queued though all else is undone.
 *
 *   pg          a Client or PoolClient           client.query(text, values)
 *   kysely      db.transaction().execute(trx)    trx.executeQuery(compiled)
 *   drizzle     db.transaction(tx)               tx.execute(sql)
 *   prisma      prisma.$transaction(tx)          tx.$queryRawUnsafe(text, ...values)
 *   knex        knex.transaction(trx)            trx.raw(text, values)
 *   postgres.js sql.begin(sql)                   sql.unsafe(text, values)
 *   any other   { query(text, values) }          returns rows, or an object with rows
 */

import { TaskrunError } from "../core/errors.ts";
import type { SqlRunner } from "../store/sql-runner.ts";

/** @throws TaskrunError `bad-transaction` */
export function transactionRunner(transaction: object): SqlRunner {
  const ask = askerFor(transaction);
  return {
    async query(text, values) {
      return { rows: rowsOf(await ask(text, values)) };
    },
  };
}

type Ask = (text: string, values: string[]) => unknown;
type Method = (...args: unknown[]) => unknown;

function askerFor(tx: object): Ask {
  const prisma = method(tx, "$queryRawUnsafe");
  if (prisma !== null) return (text, values) => prisma(text, ...values);

  const kysely = method(tx, "executeQuery");
  if (kysely !== null) {
    if (Reflect.get(tx, "isTransaction") === false) throw outside("kysely's Transaction");
    return (text, values) => kysely(compiledForKysely(text, values));
  }

  const knex = method(tx, "raw");
  if (knex !== null) {
    if (Reflect.get(tx, "isTransaction") !== true) throw outside("knex's Transaction");
    // Its placeholders have no numbers; ours come in their order, each once.
    return (text, values) => knex(text.replaceAll(/\$\d+/g, "?"), values);
  }

  const postgresJs = method(tx, "unsafe");
  if (postgresJs !== null) {
    if (method(tx, "begin") !== null) throw outside("the sql that sql.begin() passes");
    return (text, values) => postgresJs(text, values);
  }

  const drizzle = method(tx, "execute");
  if (drizzle !== null && method(tx, "query") === null) {
    if (method(tx, "rollback") === null) throw outside("the tx that db.transaction() passes");
    return (text, values) => drizzle(sqlForDrizzle(text, values));
  }

  const pg = method(tx, "query");
  if (pg === null) {
    throw new TaskrunError("bad-transaction", "client.with() got nothing that it could run SQL by");
  }
  if (typeof Reflect.get(tx, "totalCount") === "number") throw outside("a client of the pool");
  return (text, values) => pg(text, values);
}

function outside(expected: string): TaskrunError {
  return new TaskrunError(
    "bad-transaction",
    `client.with() got something that is in no transaction; expected ${expected}`,
  );
}

function method(owner: object, name: string): Method | null {
  const found: unknown = Reflect.get(owner, name);
  if (typeof found !== "function") return null;
  return (...args) => found.apply(owner, args);
}

/** As `CompiledQuery.raw` makes it. */
function compiledForKysely(sql: string, parameters: readonly string[]): object {
  return {
    sql,
    parameters,
    query: { kind: "RawNode", sqlFragments: [sql], parameters: [] },
    queryId: { queryId: "taskrun" },
  };
}

/** The two methods that drizzle calls on a query, with ours as their answer. */
function sqlForDrizzle(text: string, params: readonly string[]): object {
  const query = { getSQL: () => query, toQuery: () => ({ sql: text, params }) };
  return query;
}

function rowsOf(result: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (Array.isArray(result)) return result;
  const rows =
    typeof result === "object" && result !== null ? Reflect.get(result, "rows") : undefined;
  if (Array.isArray(rows)) return rows;
  throw new TaskrunError("bad-transaction", "The transaction that client.with() got gave no rows");
}
