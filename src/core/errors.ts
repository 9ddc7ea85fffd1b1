/**
 * taskrun's own errors: one class, one catalogue of codes, each with the next step to take.
 * Owns what taskrun says about itself; what handlers throw on purpose is in `task-errors.ts`.
 */

/** Every code, with the sentence that tells a person what to do about it. */
export const errorCatalogue = {
  "bad-duration":
    'Write a duration like "500ms", "30s", "5m", "24h", "7d" or "1h30m", or a number of milliseconds.',
  "bad-config": "Correct the values that are named.",
  "bad-definition": "Correct the option in the task's file.",
  "bad-progress": "Call ctx.progress(done, total?, message?) with numbers that are not negative.",
  "next-called-twice": "Call next() once and keep the promise it returned.",
  "unknown-queue-id": "Read ctx.queue; taskrun does not hand out the ids of queues.",
  "no-test-pool": "Pass a pool: runTask(task, payload, { pool }).",
  "schema-newer": "Run the taskrun that migrated it, or a newer one.",
  "queue-incompatible": "Use graphile-worker 0.18's schema; `taskrun doctor` shows what is there.",
  "unknown-task": "Use the name of a file under the tasks folder.",
  "bad-payload": "Send a payload that fits the task's schema.",
  "bad-enqueue-option": "Correct the option.",
} as const satisfies Record<string, string>;

export type TaskrunErrorCode = keyof typeof errorCatalogue;

/** An error of taskrun itself. Decide on `code`; the texts may change. */
export class TaskrunError extends Error {
  readonly code: TaskrunErrorCode;
  /** What to do about it. */
  readonly nextStep: string;

  /** `what` says what is wrong and where, without a full stop. */
  constructor(
    code: TaskrunErrorCode,
    what: string,
    options: { nextStep?: string; cause?: unknown } = {},
  ) {
    const nextStep = options.nextStep ?? errorCatalogue[code];
    super(`${what}. ${nextStep}`, "cause" in options ? { cause: options.cause } : undefined);
    this.name = "TaskrunError";
    this.code = code;
    this.nextStep = nextStep;
  }
}
