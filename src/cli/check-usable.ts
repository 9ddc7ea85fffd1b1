/**
 * What can only be known of a database by asking it: whether it is one that taskrun can use. Each
 * thing that rules it out is named. Whether to wait is the caller's question.
 */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { CliError } from "./cli-error.ts";
import { exitCodes } from "./exit-codes.ts";

/** The oldest Postgres that taskrun works with; graphile-worker's own SQL needs 12. */
export const oldestPostgres = 13;

// A server that is frozen takes connections and says nothing.
const answerMs = 5_000;
const notificationMs = 3_000;

interface CheckedDatabase {
  readonly connectionString: string;
  /** For people. */
  readonly shown: string;
}

/**
 * `forWork`: jobs will be run, for which it must be written to and must notify.
 *
 * @throws CliError unavailable for what another try won't change, and what the database throws.
 */
export async function checkUsable(database: CheckedDatabase, forWork: boolean): Promise<void> {
  const client = checkClient(database);
  try {
    await client.connect();
    const { rows } = await client.query<Answer>(
      `select current_setting('server_version_num')::int as number,
         current_setting('server_version') as version, pg_is_in_recovery() as standby,
         current_setting('transaction_read_only') = 'on' as readonly, pg_backend_pid() as pid`,
    );
    const [answer] = rows;
    if (answer === undefined) return;
    refuse(database, answer, forWork);
    // The number that a pooler gives is its own.
    if (forWork && answer.pid !== Reflect.get(client, "processID")) await checkPooler(database);
  } finally {
    await client.end().catch(() => {});
  }
}

interface Answer {
  readonly number: number;
  readonly version: string;
  readonly standby: boolean;
  readonly readonly: boolean;
  readonly pid: number;
}

function refuse({ shown }: CheckedDatabase, answer: Answer, forWork: boolean): void {
  const { number, version, standby, readonly } = answer;
  if (Number(number) < oldestPostgres * 10_000) {
    throw new CliError(
      exitCodes.unavailable,
      `${shown} is Postgres ${version}`,
      `taskrun needs Postgres ${oldestPostgres} or newer.`,
    );
  }
  if (standby) {
    throw new CliError(
      exitCodes.unavailable,
      `${shown} is a standby: it can only be read`,
      "Connect to the primary server.",
    );
  }
  if (forWork && readonly) {
    throw new CliError(
      exitCodes.unavailable,
      `${shown} is read-only for this user (default_transaction_read_only)`,
      "Connect to the primary server, or as a user that may write.",
    );
  }
}

/** Behind pgbouncer in transaction mode nobody is ever notified of a job. */
async function checkPooler(database: CheckedDatabase): Promise<void> {
  const [listener, notifier] = [checkClient(database), checkClient(database)];
  const worker = checkClient(database, sessionSettings);
  try {
    await Promise.all([listener.connect(), notifier.connect()]);
    const channel = `taskrun:check:${randomBytes(6).toString("hex")}`;
    const heard = once(listener, "notification").then(() => true);
    heard.catch(() => {});
    await listener.query(`listen ${pg.escapeIdentifier(channel)}`);
    await notifier.query("select pg_notify($1, '')", [channel]);
    if (!(await Promise.race([heard, sleep(notificationMs, false)]))) {
      throw new CliError(
        exitCodes.unavailable,
        `${database.shown} is a pooler in transaction mode: LISTEN doesn't work there`,
        "Connect to Postgres itself, or to a pool in session mode (pgbouncer: pool_mode=session).",
      );
    }
    await worker.connect();
  } finally {
    await Promise.all([listener, notifier, worker].map((client) => client.end().catch(() => {})));
  }
}

/** As the queue's connections send them; a pooler may refuse them. */
const sessionSettings = { statement_timeout: 60_000, options: "-c jit=off" } as const;

function checkClient(
  { connectionString }: CheckedDatabase,
  settings: Partial<typeof sessionSettings> = {},
): pg.Client {
  const client = new pg.Client({
    connectionString,
    application_name: "taskrun check",
    connectionTimeoutMillis: answerMs,
    query_timeout: answerMs,
    ...settings,
  });
  client.on("error", () => {});
  return client;
}
