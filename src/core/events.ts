/**
 * What a running process tells whoever listens. Listeners observe; they can't change an
 * outcome, and nothing is built for an event that nobody listens to.
 *
 *   attempt:finished   an attempt ended and its outcome is in the database
 *   attempt:lost       an attempt ended but the job had been given to another process
 *   process:buried     a silent process was declared dead and its jobs were given away
 *   process:replaced   this process had been declared dead; it goes on under a new id
 *   database:waiting   the database can't be reached; everything waits and tries again
 *   database:back      it answers again
 */

import { EventEmitter } from "node:events";
import type { Job } from "./job.ts";
import type { OutcomeState } from "./outcome.ts";

export interface RuntimeEventMap {
  "attempt:finished": [{ job: Job; state: OutcomeState; durationMs: number }];
  "attempt:lost": [{ job: Job; state: OutcomeState }];
  "process:buried": [{ processId: string; retried: number; failed: number }];
  "process:replaced": [{ processId: string; newProcessId: string }];
  "database:waiting": [{ error: unknown }];
  "database:back": [];
}

export type RuntimeEvents = EventEmitter<RuntimeEventMap>;

export function createEvents(): RuntimeEvents {
  return new EventEmitter<RuntimeEventMap>();
}
