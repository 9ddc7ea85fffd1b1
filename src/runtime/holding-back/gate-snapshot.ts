/**
 * Pauses and breakers as they were when they were last read: what of our tasks may be fetched.
 * An immutable value; `gates` makes a new one whenever the database or the time says otherwise.
 */

import type { Task } from "../../core/task.ts";
import type { BreakerRow, GateRows } from "../../store/gates.ts";

/** "one": a single job, for whoever claims it. */
export type Passage = "free" | "one" | "held";

export class GateSnapshot {
  /** Serial queues whose jobs start nowhere. */
  readonly pausedQueues: readonly string[];
  /** Whether anything at all is held. */
  readonly holds: boolean;
  readonly #all: boolean;
  readonly #pausedTasks: ReadonlySet<string>;
  readonly #breakers: ReadonlyMap<string, BreakerRow>;
  readonly #nowMs: number;

  /** `nowMs` is the database's clock: times in the rows are read against it. */
  constructor(rows: Pick<GateRows, "pauses" | "breakers">, nowMs: number) {
    const named = (kind: string) =>
      rows.pauses.filter((pause) => pause.kind === kind).map(({ name }) => name);
    this.pausedQueues = named("queue");
    this.#all = named("all").length > 0;
    this.#pausedTasks = new Set(named("task"));
    this.#breakers = new Map(rows.breakers.map((row) => [row.task, row]));
    this.#nowMs = nowMs;
    this.holds = rows.pauses.length > 0 || rows.breakers.some(({ state }) => state !== "closed");
  }

  /** What may be fetched of the task. */
  passage(task: Task): Passage {
    if (this.isPaused(task)) return "held";
    const row = this.breaker(task);
    if (row === null || row.state === "closed") return "free";
    return this.#changesAt(row) === null ? "one" : "held";
  }

  /** By any of its names. */
  isPaused({ name, aliases }: Task): boolean {
    if (this.#all) return true;
    if (this.#pausedTasks.size === 0) return false;
    return this.#pausedTasks.has(name) || aliases.some((alias) => this.#pausedTasks.has(alias));
  }

  /** The task's breaker, if it has one in this code and there is something to say of it. */
  breaker(task: Task): BreakerRow | null {
    // A row that was left by other code than ours holds nobody up.
    return task.policies.breaker === null ? null : (this.#breakers.get(task.name) ?? null);
  }

  /** When time alone will let a job of one of the tasks through; null for never. */
  nextChangeMs(tasks: Iterable<Task>): number | null {
    let nextMs: number | null = null;
    for (const task of tasks) {
      const row = this.breaker(task);
      const atMs = row === null ? null : this.#changesAt(row);
      if (atMs !== null && (nextMs === null || atMs < nextMs)) nextMs = atMs;
    }
    return nextMs;
  }

  /** Until then an open breaker is shut, and a half open one waits for the job it let through. */
  #changesAt(row: BreakerRow): number | null {
    if (row.state === "closed") return null;
    const waiting = row.state === "open" || row.canaryProcess !== null;
    const untilMs = row.state === "open" ? row.openUntilMs : row.canaryUntilMs;
    return waiting && untilMs !== null && untilMs > this.#nowMs ? untilMs : null;
  }
}
