/** What to tell a person of an error that no command expected, and the code to end with. */

import { TaskrunError, type TaskrunErrorCode } from "../core/errors.ts";
import { describeDatabaseError } from "./describe-database-error.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";

export interface Explanation {
  readonly message: string;
  readonly hint: string | null;
  readonly exitCode: ExitCode;
}

/** Where "failed" isn't the right word. */
const codes: Partial<Record<TaskrunErrorCode, ExitCode>> = {
  "bad-config": exitCodes.config,
  "bad-duration": exitCodes.usage,
  "bad-enqueue-option": exitCodes.usage,
  "bad-job-filter": exitCodes.usage,
  "bad-payload": exitCodes.usage,
  "unknown-task": exitCodes.usage,
  "schema-newer": exitCodes.unavailable,
  "missing-rights": exitCodes.unavailable,
  "queue-incompatible": exitCodes.unavailable,
};

export function explainError(error: unknown): Explanation {
  if (error instanceof TaskrunError) {
    const exitCode = codes[error.code] ?? exitCodes.failed;
    return { message: error.message, hint: null, exitCode };
  }
  const ofDatabase = describeDatabaseError(error);
  if (ofDatabase !== null) {
    const { sentence, hint } = ofDatabase;
    return { message: `the database: ${sentence}`, hint, exitCode: exitCodes.unavailable };
  }
  const shown = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    hint: null,
    message: `taskrun itself failed; please report it.\n${shown}`,
    exitCode: exitCodes.internal,
  };
}
