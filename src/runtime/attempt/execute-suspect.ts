/**
 * Runs a job that was in the hands of a process that died. The heartbeat's list of running jobs
 * is a moment old; one that kills its process as soon as it starts would never be found in it.
 * So it is put in the list before it starts.
 */

import type pg from "pg";
import type { Outcome } from "../../core/outcome.ts";
import { noteRunning } from "../../store/processes.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { Attempt } from "./attempt.ts";
import { executeAttempt } from "./execute-attempt.ts";

/** Runs the attempt to its end and says how it ended. Never rejects. */
export async function executeSuspect(
  attempt: Attempt,
  { db, schemas }: { readonly db: pg.Pool; readonly schemas: Schemas },
  processId: string,
): Promise<Outcome> {
  // Without the note the job still runs: a database that is away must not fail it.
  await noteRunning(db, schemas, processId, attempt.job.id).catch(() => {});
  return executeAttempt(attempt);
}
