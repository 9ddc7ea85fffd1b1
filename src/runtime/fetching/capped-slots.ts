/**
 * The slots of tasks that may have only so many jobs here: how many of them are being asked for at
 * this moment, and of which tasks more jobs may be due than there were slots for.
 */

import type { Task } from "../../core/task.ts";
import type { QueueJob } from "../../store/queue/queue-job.ts";
import type { FetchPlan } from "./fetch-plan.ts";

export class CappedSlots {
  readonly #asked = new Map<string, number>();
  readonly #full = new Set<string>();

  /** How many jobs of the task are being asked for. */
  asked(task: Task): number {
    return this.#asked.get(task.name) ?? 0;
  }

  /**
   * A fetch is about to ask for what the plan says; returns what gives the slots back. A slot that
   * is freed from now on is one that this fetch doesn't know of.
   */
  reserve({ capped, limited, full }: FetchPlan, limit: number): () => void {
    for (const task of full) this.#full.add(task.name);
    if (capped.length + limited.length === 0) return nothing;
    const reserved = [...capped, ...limited]
      .filter(({ slots }) => slots < Number.POSITIVE_INFINITY)
      .map(({ task, slots }) => ({ task, slots: Math.min(slots, limit) }));
    for (const { task, slots } of reserved) this.#asked.set(task.name, this.asked(task) + slots);
    return () => {
      for (const { task, slots } of reserved) {
        const left = this.asked(task) - slots;
        if (left > 0) this.#asked.set(task.name, left);
        else this.#asked.delete(task.name);
      }
    };
  }

  /** The fetch has brought these. */
  answered({ capped, limited }: FetchPlan, limit: number, jobs: readonly QueueJob[]): void {
    for (const { task, names, slots } of [...capped, ...limited]) {
      if (slots > limit) continue;
      const own = new Set(names.values());
      if (jobs.filter((job) => own.has(job.task)).length < slots) this.#full.delete(task.name);
      else this.#full.add(task.name);
    }
  }

  /** A job of the task has ended: whether another one may have been waiting for its slot. */
  freed(task: Task): boolean {
    if (this.#full.size + this.#asked.size === 0) return false;
    return this.#full.delete(task.name) || this.#asked.has(task.name);
  }
}

function nothing(): void {}
