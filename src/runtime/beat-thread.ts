/**
 * The heartbeat, in a thread with a connection of its own: a handler that blocks the event loop
 * must not make the process look dead. Counts up the process's row; says so when the row has
 * been declared dead. Everything else about presence is decided in the main thread.
 */

import { parentPort, workerData } from "node:worker_threads";
import pg from "pg";

export interface BeatThreadData {
  readonly connectionString: string;
  /** Safe inside SQL text. */
  readonly processesTable: string;
  readonly processId: string;
  readonly intervalMs: number;
}

/** What the thread reports: that the row of this id has been declared dead, or is gone. */
export type BeatMessage = { readonly deadId: string };

/** What it is told: beat under another id from now on, or end. */
export type BeatOrder = { readonly processId: string } | "stop";

async function beat(data: BeatThreadData, port: NonNullable<typeof parentPort>): Promise<void> {
  let processId = data.processId;
  let stopped = false;
  let client: pg.Client | null = null;
  let wake = () => {};
  port.on("message", (order: BeatOrder) => {
    if (order === "stop") stopped = true;
    else processId = order.processId;
    wake();
  });
  while (!stopped) {
    const beatingId = processId;
    try {
      client ??= await connected(data.connectionString);
      const { rowCount } = await client.query(
        `update ${data.processesTable} set beat_seq = beat_seq + 1, beat_at = now()
         where id = $1 and dead_at is null`,
        [beatingId],
      );
      if (rowCount === 0) port.postMessage({ deadId: beatingId } satisfies BeatMessage);
    } catch {
      // The database is away: nobody can count our beats then, so nobody can miss them.
      await client?.end().catch(() => {});
      client = null;
    }
    if (stopped) break;
    // A new id shows at once that it lives.
    if (beatingId !== processId) continue;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, data.intervalMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
  await client?.end().catch(() => {});
  port.close();
}

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    application_name: "taskrun heartbeat",
    connectionTimeoutMillis: 5000,
    query_timeout: 5000,
  });
  client.on("error", () => {});
  await client.connect();
  return client;
}

if (parentPort !== null) await beat(workerData, parentPort);
