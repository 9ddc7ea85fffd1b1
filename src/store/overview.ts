/**
 * How things are on the whole: jobs by state, how they ended over time, and what somebody should
 * look at first. Made of what the other stores read.
 */

import type pg from "pg";
import type { JobState } from "../core/job.ts";
import { roughDuration } from "../core/rough-duration.ts";
import { listOpenBreakers, listPauses } from "./gates.ts";
import { type LiveProcess, listProcesses } from "./live-view.ts";
import { listLoadFailures } from "./published-tasks.ts";
import { countQueued, type QueuedCount } from "./queue/count-queued.ts";
import { endedOverTime, failedByTask } from "./queue/ended-counts.ts";
import { readRunning } from "./queue/read-running.ts";
import type { Schemas } from "./schemas.ts";

export type AttentionKind =
  | "failed"
  | "breaker_open"
  | "stuck"
  | "no_process"
  | "load_failure"
  | "paused";

export interface Attention {
  readonly kind: AttentionKind;
  readonly count: number;
  /** Null where it is about no task in particular. */
  readonly task: string | null;
  /** One sentence for people, without a full stop. */
  readonly detail: string;
  /** Null = unknown. */
  readonly since: Date | null;
}

/** How jobs ended within a piece of time, and how long they had waited and run. */
export interface EndedBucket {
  readonly at: Date;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly wait_p50_ms: number | null;
  readonly wait_p95_ms: number | null;
  readonly run_p50_ms: number | null;
  readonly run_p95_ms: number | null;
}

export interface Overview {
  readonly since: Date;
  readonly until: Date;
  readonly bucketMs: number;
  readonly counts: Readonly<Record<JobState, number>>;
  /** Every bucket, the oldest first. */
  readonly series: readonly EndedBucket[];
  readonly attention: readonly Attention[];
}

/** A job that has run for that long is worth a look. */
const stuckMs = 3_600_000;
const mostRunning = 2_000;

export async function readOverview(
  db: pg.Pool,
  schemas: Schemas,
  { since, buckets }: { readonly since: Date; readonly buckets: number },
): Promise<Overview> {
  const until = new Date();
  const bucketMs = Math.max(1, Math.ceil((until.getTime() - since.getTime()) / buckets));
  const [series, queued, failed] = await Promise.all([
    readSeries(db, schemas, { since, bucketMs, buckets }),
    countQueued(db, schemas, { since, task: null }),
    failedByTask(db, schemas, since),
  ]);
  for (const { task, state, count } of queued) {
    if (state === "failed") failed.set(task, count + (failed.get(task) ?? 0));
  }
  const counts = countStates(series, queued);
  const attention = await readAttention(db, schemas, { since, until, queued, failed });
  return { since, until, bucketMs, counts, series, attention };
}

function countStates(
  series: readonly EndedBucket[],
  queued: readonly QueuedCount[],
): Record<JobState, number> {
  const ended = (state: "completed" | "failed" | "cancelled"): number =>
    series.reduce((sum, bucket) => sum + bucket[state], 0);
  const counts: Record<JobState, number> = {
    ...{ pending: 0, scheduled: 0, blocked: 0, running: 0, retrying: 0 },
    completed: ended("completed"),
    failed: ended("failed"),
    cancelled: ended("cancelled"),
  };
  for (const { state, count } of queued) counts[state] += count;
  return counts;
}

/** What attention is drawn from. */
interface Situation {
  readonly since: Date;
  readonly until: Date;
  readonly queued: readonly QueuedCount[];
  /** By task. */
  readonly failed: ReadonlyMap<string, number>;
}

async function readSeries(
  db: pg.Pool,
  schemas: Schemas,
  { since, bucketMs, buckets }: { since: Date; bucketMs: number; buckets: number },
): Promise<EndedBucket[]> {
  const pieces = await endedOverTime(db, schemas, { since, pieceMs: bucketMs, pieces: buckets });
  return pieces.map(({ completed, failed, cancelled, waitMs, runMs }, place) => ({
    at: new Date(since.getTime() + place * bucketMs),
    completed,
    failed,
    cancelled,
    wait_p50_ms: waitMs.p50,
    wait_p95_ms: waitMs.p95,
    run_p50_ms: runMs.p50,
    run_p95_ms: runMs.p95,
  }));
}

/** What can't go on by itself comes first. */
async function readAttention(
  db: pg.Pool,
  schemas: Schemas,
  situation: Situation,
): Promise<Attention[]> {
  const [breakers, pauses, loadFailures, running] = await Promise.all([
    listOpenBreakers(db, schemas),
    listPauses(db, schemas),
    listLoadFailures(db, schemas),
    readRunning(db, schemas, mostRunning),
  ]);
  const processes = await listProcesses(db, schemas, running);
  const failed = [...situation.failed]
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([task, count]): Attention => {
      const detail = `${counted(count, "job")} failed for good`;
      return { kind: "failed", count, task, detail, since: situation.since };
    });
  const open = breakers.map(({ task, failures, opened_at, last_error }): Attention => {
    const detail = `the breaker is open: ${last_error ?? "no error was kept"}`;
    return { kind: "breaker_open", count: failures, task, detail, since: opened_at };
  });
  const paused = pauses.map(({ kind, name, paused_by, reason, paused_at }): Attention => {
    const what = kind === "queue" ? `the queue ${name}` : kind === "all" ? "everything" : name;
    const why = reason === null ? "" : `: ${reason}`;
    const detail = `${what} is paused by ${paused_by ?? "somebody"}${why}`;
    const task = kind === "task" ? name : null;
    return { kind: "paused", count: 1, task, detail, since: paused_at };
  });
  const broken = loadFailures.map(({ task, file, reason }): Attention => {
    return { kind: "load_failure", count: 1, task, detail: `${file}: ${reason}`, since: null };
  });
  const stuck = [...stuckTasks(running, situation.until), ...stuckHandlers(processes)];
  const orphaned = withoutProcess(situation.queued, processes);
  return [...failed, ...open, ...stuck, ...orphaned, ...broken, ...paused];
}

/** By task. */
function stuckTasks(
  running: readonly { readonly task: string; readonly started_at: Date }[],
  now: Date,
): Attention[] {
  const long = running.filter((job) => now.getTime() - job.started_at.getTime() > stuckMs);
  return [...Map.groupBy(long, ({ task }) => task)].map(([task, jobs]) => {
    const since = jobs[0]?.started_at ?? now;
    const longest = roughDuration(now.getTime() - since.getTime());
    const detail = `${counted(jobs.length, "job")} running for up to ${longest}`;
    return { kind: "stuck", count: jobs.length, task, detail, since };
  });
}

/** Handlers that outlasted their attempts, by process. */
function stuckHandlers(processes: readonly LiveProcess[]): Attention[] {
  return processes.flatMap(({ host, pid, stuck }): Attention[] => {
    const count = stuck ?? 0;
    if (count === 0) return [];
    const detail = `${counted(count, "handler")} in ${host}:${pid} did not stop when told to`;
    return [{ kind: "stuck", count, task: null, detail, since: null }];
  });
}

/** Tasks with jobs that are due, and no live process that has them. */
function withoutProcess(
  queued: readonly QueuedCount[],
  processes: readonly LiveProcess[],
): Attention[] {
  const due = queued.filter(({ state }) => state === "pending" || state === "retrying");
  const waiting = [...Map.groupBy(due, ({ task }) => task)]
    .map(([task, rows]) => ({ task, count: rows.reduce((sum, { count }) => sum + count, 0) }))
    .sort((a, b) => (a.task < b.task ? -1 : 1));
  const all = waiting.reduce((sum, { count }) => sum + count, 0);
  if (processes.length === 0) {
    const detail = `${counted(all, "job")} waiting, and no process runs`;
    return all === 0 ? [] : [{ kind: "no_process", count: all, task: null, detail, since: null }];
  }
  // One that has just started has not told its tasks yet.
  if (processes.some(({ tasks }) => tasks === null)) return [];
  const known = new Set(processes.flatMap(({ tasks }) => tasks ?? []));
  return waiting
    .filter(({ task }) => !known.has(task))
    .map(({ task, count }) => {
      const detail = `${counted(count, "job")} waiting, and no process has the task`;
      return { kind: "no_process", count, task, detail, since: null };
    });
}

function counted(count: number, word: string): string {
  return count === 1 ? `1 ${word}` : `${count} ${word}s`;
}
