/**
 * How the tasks do: jobs by state, rates, and how long jobs waited and ran. What waits is counted
 * as it is now, what has ended since a moment.
 */

import type pg from "pg";
import type { JobState } from "../core/job.ts";
import { countQueued } from "./queue/count-queued.ts";
import { EndedCounts, endedByTask, type Latency } from "./queue/ended-counts.ts";
import type { Schemas } from "./schemas.ts";

export interface TaskStats {
  /** Null for all tasks together. */
  readonly task: string | null;
  readonly counts: Readonly<Record<JobState, number>>;
  readonly completed_per_minute: number;
  readonly failed_per_minute: number;
  /** From being due to the start of the last attempt. */
  readonly wait_ms: Latency;
  /** The last attempt's. */
  readonly run_ms: Latency;
}

export interface Stats {
  readonly since: Date;
  readonly until: Date;
  /** By name. */
  readonly tasks: readonly TaskStats[];
  readonly all: TaskStats;
}

export async function readStats(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  { since, task = null }: { readonly since: Date; readonly task?: string | null },
): Promise<Stats> {
  const until = new Date();
  const [ended, queued] = await Promise.all([
    endedByTask(db, schemas, { since, task }),
    countQueued(db, schemas, { since, task }),
  ]);
  const minutes = Math.max(until.getTime() - since.getTime(), 1) / 60_000;
  const names = new Set([...ended.keys(), ...queued.map((row) => row.task)]);
  const of = (name: string | null, row: EndedCounts): TaskStats => {
    const counts: Record<JobState, number> = { ...noJobs };
    for (const one of queued) {
      if (name === null || one.task === name) counts[one.state] += one.count;
    }
    counts.completed += row.completed;
    counts.failed += row.failed;
    counts.cancelled += row.cancelled;
    return {
      task: name,
      counts,
      completed_per_minute: counts.completed / minutes,
      failed_per_minute: counts.failed / minutes,
      wait_ms: row.waitMs,
      run_ms: row.runMs,
    };
  };
  const tasks = [...names].sort().map((name) => of(name, ended.get(name) ?? new EndedCounts()));
  return { since, until, tasks, all: of(null, EndedCounts.sumOf(ended.values())) };
}

const noJobs: Readonly<Record<JobState, number>> = {
  pending: 0,
  scheduled: 0,
  blocked: 0,
  running: 0,
  retrying: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
};
