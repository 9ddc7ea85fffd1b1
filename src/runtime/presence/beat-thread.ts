/**
 * The heartbeat, in a thread with a connection of its own: a handler that blocks the event loop
 * must not make the process look dead. Counts up the process's row and keeps in it the list of
 * running jobs, how late the main thread's timers are and the memory in use; says so when the row
 * has been declared dead. Everything else about presence is decided in the main thread.
 */

import { setTimeout } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import pg from "pg";
import { takeLoopLag } from "./loop-pulse.ts";
import { nextChange, readRunningSlots, ringBell } from "./running-slots.ts";

export interface BeatThreadData {
  readonly connectionString: string;
  /** Safe inside SQL text. */
  readonly processesTable: string;
  readonly processId: string;
  readonly intervalMs: number;
  /** Of `RunningSlots`. */
  readonly running: SharedArrayBuffer;
  /** Of `LoopPulse`. */
  readonly pulse: SharedArrayBuffer;
}

/** What the thread reports: that the row of this id has been declared dead, or is gone. */
export type BeatMessage = { readonly deadId: string };

/** What it is told: beat under another id from now on, or end. */
export type BeatOrder = { readonly processId: string } | "stop";

// The list is written as soon as it changes, and then not before this long after.
const spacingMs = 100;

async function beat(data: BeatThreadData, port: NonNullable<typeof parentPort>): Promise<void> {
  let processId = data.processId;
  let stopped = false;
  let client: pg.Client | null = null;
  let told = Promise.withResolvers<void>();
  port.on("message", (order: BeatOrder) => {
    if (order === "stop") stopped = true;
    else processId = order.processId;
    told.resolve();
    ringBell(data.running);
  });
  let lastId = "";
  let lastBeatMs = 0;
  let lastChanges = 0;
  while (!stopped) {
    const nowMs = performance.now();
    const { changes, ids } = readRunningSlots(data.running);
    // A new id shows at once that it lives.
    const beats = processId !== lastId || nowMs - lastBeatMs >= data.intervalMs;
    if (beats || (changes !== lastChanges && client !== null)) {
      const beatingId = processId;
      try {
        client ??= await connected(data.connectionString);
        const { rowCount } = await client.query(
          `update ${data.processesTable} set beat_seq = beat_seq + $2, running = $3,
             beat_at = case when $2 > 0 then now() else beat_at end,
             loop_lag_ms = coalesce($4, loop_lag_ms), rss_bytes = coalesce($5, rss_bytes)
           where id = $1 and dead_at is null`,
          [beatingId, beats ? 1 : 0, ids, ...(beats ? health(data) : [null, null])],
        );
        if (rowCount === 0) port.postMessage({ deadId: beatingId } satisfies BeatMessage);
        lastChanges = changes;
      } catch {
        // The database is away: nobody can count our beats then, so nobody can miss them.
        await client?.end().catch(() => {});
        client = null;
      }
      lastId = beatingId;
      if (beats) lastBeatMs = nowMs;
    }
    const isTold = () => stopped || lastId !== processId;
    if (isTold()) continue;
    told = Promise.withResolvers();
    await Promise.race([told.promise, setTimeout(Math.min(spacingMs, data.intervalMs))]);
    if (isTold()) continue;
    const untilBeatMs = Math.max(0, lastBeatMs + data.intervalMs - performance.now());
    // Without a connection only the next beat tries again.
    if (client === null) await Promise.race([told.promise, setTimeout(untilBeatMs)]);
    else await nextChange(data.running, lastChanges, untilBeatMs);
  }
  await client?.end().catch(() => {});
  port.close();
}

function health({ pulse }: BeatThreadData): [loopLagMs: number, rssBytes: number] {
  return [takeLoopLag(pulse), process.memoryUsage.rss()];
}

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    application_name: "taskrun heartbeat",
    connectionTimeoutMillis: 5000,
    query_timeout: 5000,
    statement_timeout: 5000,
  });
  client.on("error", () => {});
  await client.connect();
  return client;
}

if (parentPort !== null) await beat(workerData, parentPort);
