/**
 * The heartbeat, in a thread with a connection of its own: a handler that blocks the event loop
 * must not make the process look dead. Counts up the process's row and keeps in it the list of
 * running jobs, how late the main thread's timers are, the memory in use and how many handlers are
 * stuck; says so when the row has been declared dead. Everything else about presence is decided in
 * the main thread.
 */

import { setTimeout } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import pg from "pg";
import { readStuckCount } from "../attempt/stuck-handlers.ts";
import type { ThreadLog } from "../create-logger.ts";
import { blockedStack } from "./blocked-stack.ts";
import { loopDelayMs, takeLoopLag } from "./loop-pulse.ts";
import { type LoopBlock, LoopWatch } from "./loop-watch.ts";
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
  /** Of `StuckHandlers`. */
  readonly stuck: SharedArrayBuffer;
  /** Of jobs with their tasks; safe inside SQL text. */
  readonly jobsView: string;
  /** A process whose event loop is blocked for longer shows no more that it lives. */
  readonly maxBlockMs: number;
  /** Where to write that the event loop is blocked; null = nowhere. */
  readonly log: ThreadLog | null;
}

/**
 * That it has begun to beat; that the row of this id has been declared dead, or is gone; that the
 * event loop was blocked.
 */
export type BeatMessage =
  | { readonly beats: true }
  | { readonly deadId: string }
  | { readonly wasBlocked: BlockReport };

/** A `LoopBlock` for people. */
export interface BlockReport {
  readonly blockedMs: number;
  readonly jobs: readonly { readonly jobId: string; readonly task: string | null }[];
  /** The innermost frame of the main thread, and the frames around it. */
  readonly at: string | null;
  readonly stack: readonly string[] | null;
}

/** What it is told: beat under another id from now on, or end. */
export type BeatOrder = { readonly processId: string } | "stop";

// The list is written soon after it has changed, and then not before this long after. Most jobs
// have ended by then: nobody need know of them, nor wait for the database because of it.
const settlingMs = 10;
const spacingMs = 100;
// For the main thread to be interrupted.
const stackLimitMs = 1_000;

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
  const tell = (message: BeatMessage) => port.postMessage(message);
  let hasBeaten = false;
  let lastId = "";
  let lastBeatMs = 0;
  let lastChanges = 0;
  let lastIds: readonly number[] = [];
  const watch = watchLoop(data, port, () => client);
  watch.start();
  while (!stopped) {
    const nowMs = performance.now();
    const { changes, ids } = readRunningSlots(data.running);
    // A new id shows at once that it lives.
    const due = processId !== lastId || nowMs - lastBeatMs >= data.intervalMs;
    const beats = due && loopDelayMs(data.pulse) < data.maxBlockMs;
    if (sameIds(ids, lastIds)) lastChanges = changes;
    if (beats || (changes !== lastChanges && client !== null)) {
      const beatingId = processId;
      try {
        client ??= await connected(data.connectionString);
        if (!(await write(client, data, { id: beatingId, beats, ids })))
          tell({ deadId: beatingId });
        else if (beats && !hasBeaten) {
          hasBeaten = true;
          tell({ beats: true });
        }
        lastChanges = changes;
        lastIds = ids;
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
    else {
      await nextChange(data.running, lastChanges, Math.max(0, untilBeatMs - settlingMs));
      await Promise.race([told.promise, setTimeout(Math.min(settlingMs, data.intervalMs))]);
    }
  }
  watch.stop();
  await client?.end().catch(() => {});
  port.close();
}

/** False when the row is gone, or says that the process is dead. */
async function write(
  client: pg.Client,
  data: BeatThreadData,
  { id, beats, ids }: { readonly id: string; readonly beats: boolean; readonly ids: number[] },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `update ${data.processesTable} set beat_seq = beat_seq + $2, running = $3,
       beat_at = case when $2 > 0 then now() else beat_at end,
       loop_lag_ms = coalesce($4, loop_lag_ms), rss_bytes = coalesce($5, rss_bytes),
       stuck = $6
     where id = $1 and dead_at is null`,
    [
      ...[id, beats ? 1 : 0, ids, ...(beats ? health(data) : [null, null])],
      readStuckCount(data.stuck),
    ],
  );
  return rowCount !== 0;
}

function sameIds(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id, index) => id === other[index]);
}

/** Says that the loop is blocked while it is, and tells the main thread when it was. */
function watchLoop(
  data: BeatThreadData,
  port: NonNullable<typeof parentPort>,
  client: () => pg.Client | null,
): LoopWatch {
  const { pulse, running } = data;
  return new LoopWatch({
    pulse,
    running,
    findStack: () => blockedStack(stackLimitMs),
    onBlocked: (block) => void writeBlocked(data, client(), block),
    onFree: async (block) => {
      const wasBlocked = await reportOf(data, client(), block);
      port.postMessage({ wasBlocked } satisfies BeatMessage);
    },
  });
}

async function writeBlocked(
  data: BeatThreadData,
  client: pg.Client | null,
  block: LoopBlock,
): Promise<void> {
  const { log, maxBlockMs } = data;
  const report = await reportOf(data, client, block);
  if (log === null) return;
  // Only here: most processes never need it.
  const { createLogger } = await import("../create-logger.ts");
  // The thread's own streams are written by the main thread, which can't.
  const stream = { fd: log.fd, isTTY: log.logFormat === "pretty", hasColors: () => true };
  // Of a stream, a logger uses no more.
  const logger = await createLogger({
    config: log,
    stream: stream as NodeJS.WriteStream & ThreadLog, // why: said above
  });
  const then = block.blockedMs >= maxBlockMs ? "; this process counts as dead from now on" : "";
  logger.error(report, `the event loop is blocked: no other job of this process goes on${then}`);
}

async function reportOf(
  { jobsView }: BeatThreadData,
  client: pg.Client | null,
  { blockedMs, jobs, stack }: LoopBlock,
): Promise<BlockReport> {
  const tasks = new Map<string, string>();
  try {
    const text = `select id::text, task from ${jobsView} where id = any($1::bigint[])`;
    const { rows } = (await client?.query<{ id: string; task: string }>(text, [jobs])) ?? {};
    for (const { id, task } of rows ?? []) tasks.set(id, task);
  } catch {
    // Their numbers must do.
  }
  const named = jobs.map(String).map((jobId) => ({ jobId, task: tasks.get(jobId) ?? null }));
  return { blockedMs, jobs: named, at: stack?.[0] ?? null, stack };
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
    // What is said here is said again soon.
    options: "-c synchronous_commit=off",
  });
  client.on("error", () => {});
  await client.connect();
  return client;
}

if (parentPort !== null) await beat(workerData, parentPort);
