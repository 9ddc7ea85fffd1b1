/**
 * The journal of an attempt in the database: each write is sent again until it lands, or until
 * the attempt has been taken from the handler.
 */

import type pg from "pg";
import type { Journal } from "../../core/journal.ts";
import { claimOnce, dropOnce, findOnce, finishOnce } from "../../store/queue/once.ts";
import type { QueueJob } from "../../store/queue/queue-job.ts";
import {
  beginEnding,
  type Hold,
  keepStep,
  listKeptSteps,
  markCompensated,
  markFailedTry,
} from "../../store/queue/steps.ts";
import type { Schemas } from "../../store/schemas.ts";
import { isTransient, retryTransient } from "../../store/transient.ts";
import type { Attempt } from "../attempt/attempt.ts";

/** Not the handlers' pool: a handler that has all of it in use could not end its steps. */
export function databaseJournal(db: pg.Pool, schemas: Schemas, attempt: Attempt): Journal {
  const hold = holdOf(attempt);
  const send = <T>(action: () => Promise<T>): Promise<T> =>
    retryTransient(action, {
      retries: (error) => isTransient(error) && attempt.decided === null,
      onRetry: (err, delayMs) =>
        attempt.logger.warn({ ...attempt.logFields(), err, delayMs }, "writing a step again"),
    });
  return {
    steps: () => send(() => listKeptSteps(db, schemas, hold.id)),
    keepStep: (step) => send(() => keepStep(db, schemas, hold, step)),
    beginEnding: (ending) => send(() => beginEnding(db, schemas, hold, ending)),
    markCompensated: (name) => send(() => markCompensated(db, schemas, hold, name)),
    markFailedTry: (failed) => send(() => markFailedTry(db, schemas, hold, failed)),
    claimOnce: (key, claim) => send(() => claimOnce(db, schemas, hold, key, claim)),
    findOnce: (key) => send(() => findOnce(db, schemas, key)),
    finishOnce: (key, claim, result) => send(() => finishOnce(db, schemas, key, claim, result)),
    dropOnce: (key, claim) => send(() => dropOnce(db, schemas, key, claim)),
  };
}

function holdOf({ job }: Attempt): Hold {
  const { id, attempt, key } = job;
  // why: with a database, attempts are of rows that the queue gave
  return { id, attempt, lockedBy: (job as QueueJob).lockedBy, keyed: key !== null };
}
