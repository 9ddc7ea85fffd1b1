/**
 * What a running process tells whoever listens. Listeners observe; they can't change an
 * outcome, not even by throwing, and nothing is built for an event that nobody listens to.
 *
 *   attempt:finished   an attempt ended and its outcome is in the database
 *   attempt:lost       an attempt ended but the job had been given to another process
 *   attempt:abandoned  an attempt was settled without its handler, which still runs
 *   process:buried     a silent process was declared dead and its jobs were given away
 *   process:replaced   this process had been declared dead; it goes on under a new id
 *   process:blocked    its event loop was blocked for seconds: for how long, where, by which jobs
 *   pauses:changed     somebody paused or resumed something; what is paused now
 *   breaker:opened     a task's breaker is open: no process fetches its jobs until then
 *   breaker:half-open  it lets one job through at a time
 *   breaker:closed     its jobs are fetched again; every process tells these three for itself
 *   crontab:queued     a line of the crontab was due and this process queued its job
 *   tasks:published    the database knows what this process's tasks are
 *   database:waiting   the database can't be reached; everything waits and tries again
 *   database:back      it answers again
 */

import { EventEmitter } from "node:events";
import type { Job } from "./job.ts";
import type { OutcomeState } from "./outcome.ts";
import { isPromiseLike } from "./promise-like.ts";

export interface Pause {
  readonly kind: "all" | "task" | "queue";
  /** "" for all. */
  readonly name: string;
  readonly by: string | null;
  readonly reason: string | null;
}

export interface RuntimeEventMap {
  "attempt:finished": [{ job: Job; state: OutcomeState; durationMs: number }];
  "attempt:lost": [{ job: Job; state: OutcomeState }];
  "attempt:abandoned": [{ job: Job; ranMs: number; hangs: string }];
  "process:buried": [{ processId: string; returned: number; retried: number; failed: number }];
  "process:replaced": [{ processId: string; newProcessId: string }];
  "process:blocked": [
    {
      blockedMs: number;
      jobs: readonly { jobId: string; task: string | null }[];
      at: string | null;
      stack: readonly string[] | null;
    },
  ];
  "pauses:changed": [{ pauses: readonly Pause[] }];
  "breaker:opened": [{ task: string; until: Date; error: string | null }];
  "breaker:half-open": [{ task: string }];
  "breaker:closed": [{ task: string }];
  "crontab:queued": [
    { identifier: string; task: string; tick: Date; jobId: string; backfilled: boolean },
  ];
  "tasks:published": [{ names: readonly string[] }];
  "database:waiting": [{ error: unknown }];
  "database:back": [];
}

export type RuntimeEvents = EventEmitter<RuntimeEventMap>;

/** `onFault` is told what listeners throw, or reject with; the other listeners still hear. */
export function createEvents(onFault: (fault: unknown, event: string) => void): RuntimeEvents {
  const events: RuntimeEvents = new EventEmitter<RuntimeEventMap>();
  events.emit = (name, ...args) => {
    const listeners = events.rawListeners(name);
    for (const listener of listeners) {
      try {
        const result: unknown = Reflect.apply(listener, events, args);
        if (isPromiseLike(result)) result.then(undefined, (fault) => onFault(fault, String(name)));
      } catch (fault) {
        onFault(fault, String(name));
      }
    }
    return listeners.length > 0;
  };
  return events;
}
