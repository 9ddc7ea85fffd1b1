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
  "process-exit": "Throw, or return; `taskrun` is stopped by a signal.",
  "unknown-queue-id": "Read ctx.queue; taskrun does not hand out the ids of queues.",
  "no-connection-left":
    "Give a connection back before asking for another, or raise handlerPoolSize.",
  "no-test-pool": "Pass a pool: runTask(task, payload, { pool }).",
  "schema-newer": "Run the taskrun that migrated it, or a newer one.",
  "queue-incompatible": "Use graphile-worker 0.18's schema; `taskrun doctor` shows what is there.",
  "missing-rights":
    "Connect as the owner of the queue's tables, or as a member of the role for workers: `taskrun db roles`.",
  "unknown-task": "Use the name of a file under the tasks folder.",
  "bad-payload": "Send a payload that fits the task's schema.",
  "bad-enqueue-option": "Correct the option.",
  "task-not-loadable":
    "Mend the file; or give the client `tasks: false`, and payloads are checked at run time only.",
  "unnamed-task": 'Queue it by its name: client.enqueue("name", payload).',
  "no-database": "Set DATABASE_URL, or give the client a connectionString or a pool.",
  "not-migrated": "Run `taskrun migrate`, or start taskrun on that database once.",
  "bad-transaction":
    "Pass the transaction of pg, kysely, drizzle, prisma, knex or postgres.js, or an object with query(text, values).",
  "client-closed": "Make a new client.",
  "job-failed": "Read the job's attempts: taskrun show ID.",
  "job-cancelled": "Add the job again if it is still wanted.",
  "job-not-found": "Ask while the job's history is kept.",
  "wrong-job-state": "Look at the job: taskrun show ID.",
  "bad-job-filter": "Choose jobs by ids, task, state, queue, correlationId, since, until; or all.",
  "plugin-not-started": "Mend the plugin, or take it out of the config's plugins.",
  "wait-timeout": "Wait longer, or look later: the job goes on.",
} as const satisfies Record<string, string>;

export type TaskrunErrorCode = keyof typeof errorCatalogue;

/** An error of taskrun itself. Decide on `code`; the texts may change. */
export class TaskrunError extends Error {
  readonly code: TaskrunErrorCode;
  /** What is wrong and where, without a full stop. */
  readonly what: string;
  /** What to do about it. */
  readonly nextStep: string;

  /** `what` says what is wrong and where, without a full stop. */
  constructor(
    code: TaskrunErrorCode,
    what: string,
    options: { nextStep?: string; cause?: unknown } = {},
  ) {
    const nextStep = options.nextStep ?? errorCatalogue[code];
    super(
      `${sentence(what)} ${nextStep}`,
      "cause" in options ? { cause: options.cause } : undefined,
    );
    this.name = "TaskrunError";
    this.code = code;
    this.what = what;
    this.nextStep = nextStep;
  }
}

/** With a full stop, unless it ends with a mark of its own. */
export function sentence(what: string): string {
  return /[.?!]$/.test(what) ? what : `${what}.`;
}
