/**
 * What this process may fetch at this moment, as a plain value: made of the tasks it has, of what
 * is held back for everybody (pauses, breakers) and of what runs and waits here. Owns the sorting
 * of tasks into kinds; how each kind is fetched is `job-fetcher`.
 */

import type { Task } from "../../core/task.ts";
import type { GateSnapshot } from "../holding-back/gate-snapshot.ts";

/** A task and the queue's ids of the names that its jobs are queued under. */
export interface PlannedTask {
  readonly task: Task;
  /** Its own name and its aliases, by the queue's ids. */
  readonly names: ReadonlyMap<number, string>;
}

export interface PlannedSlots extends PlannedTask {
  /** How many more of its jobs may be here; at least 1, Infinity without `concurrency`. */
  readonly slots: number;
}

/** A task is in one kind at most; one that is in none is left in the queue. */
export interface FetchPlan {
  /** Fetched together, as many as there is room for. By the queue's ids, the jobs' task names. */
  readonly open: ReadonlyMap<number, string>;
  /** With a `concurrency` of their own: fetched with the open ones, each up to its slots. */
  readonly capped: readonly PlannedSlots[];
  /** Their breaker lets one job through, for the whole fleet: whoever claims it, fetches one. */
  readonly canaries: readonly PlannedTask[];
  /**
   * With a `limit` by key: each is fetched on its own (`limited-tasks`), as many as this process
   * has room for and no more than the task's slots; what that brings is sorted in with all others.
   * Paused queues are left out there by the database.
   */
  readonly limited: readonly PlannedSlots[];
  /** Serial queues whose jobs start nowhere. */
  readonly pausedQueues: readonly string[];
  /** Tasks that have no slot free: to be looked at again when one is. */
  readonly full: readonly Task[];
  /** Tasks of ours have been left out: their jobs may stand in front of the others. */
  readonly leavesOut: boolean;
}

export interface FetchPlanInput {
  readonly tasks: readonly PlannedTask[];
  readonly gates: GateSnapshot;
  /** How many jobs of the task run, wait, or are being fetched in this process. */
  readonly countHere: (task: Task) => number;
}

export function makeFetchPlan({ tasks, gates, countHere }: FetchPlanInput): FetchPlan {
  const open = new Map<number, string>();
  const capped: PlannedSlots[] = [];
  const canaries: PlannedTask[] = [];
  const limited: PlannedSlots[] = [];
  const full: Task[] = [];
  let leavesOut = false;
  for (const planned of tasks) {
    const { task, names } = planned;
    const { concurrency, limit } = task.policies;
    const slots = concurrency === null ? Number.POSITIVE_INFINITY : concurrency - countHere(task);
    const passage = gates.passage(task);
    // What a canary leaves behind is left out too.
    leavesOut ||= passage !== "free" || slots <= 0;
    if (passage === "held") continue;
    if (slots <= 0) full.push(task);
    else if (passage === "one") canaries.push(planned);
    else if (limit !== null) limited.push({ ...planned, slots });
    else if (concurrency !== null) capped.push({ ...planned, slots });
    else for (const [id, name] of names) open.set(id, name);
  }
  const { pausedQueues } = gates;
  return { open, capped, canaries, limited, pausedQueues, full, leavesOut };
}
