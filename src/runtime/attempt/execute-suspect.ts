/**
 * Runs a job that was in the hands of a process that died. The heartbeat's list of running jobs
 * is a moment old; one that kills its process as soon as it starts would never be found in it.
 * So it is put in the list before it starts.
 */

import type pg from "pg";
import type { Outcome } from "../../core/outcome.ts";
import { intentOf } from "../../core/task-errors.ts";
import { noteRunning } from "../../store/processes.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { RunningSlots } from "../presence/running-slots.ts";
import type { Attempt } from "./attempt.ts";
import { executeAttempt } from "./execute-attempt.ts";
import { isQuarantined, type Quarantine } from "./quarantine.ts";

export interface SuspectNeeds {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly processId: string;
  readonly running: RunningSlots;
  readonly quarantine: Quarantine;
}

/**
 * Runs the attempt to its end and says how it ended. One that is quarantined waits for its turn,
 * without a slot: until then nobody counts it as running. Never rejects.
 */
export async function executeSuspect(attempt: Attempt, needs: SuspectNeeds): Promise<Outcome> {
  if (!isQuarantined(attempt.job)) return execute(attempt, needs);
  const stopped = Promise.withResolvers<void>();
  attempt.onStop = stopped.resolve;
  return needs.quarantine.run(async (): Promise<Outcome> => {
    attempt.onStop = null;
    const { stopReason } = attempt;
    if (stopReason !== null && intentOf(stopReason) === "shutdown") {
      return { state: "returned", reason: stopReason.message };
    }
    attempt.slot = needs.running.take(attempt.job.id);
    return execute(attempt, needs);
  }, stopped.promise);
}

async function execute(attempt: Attempt, needs: SuspectNeeds): Promise<Outcome> {
  const { db, schemas, processId } = needs;
  // Without the note the job still runs: a database that is away must not fail it.
  await noteRunning(db, schemas, processId, attempt.job.id).catch(() => {});
  return executeAttempt(attempt);
}
