/**
 * `ctx.complete`: settles a job inside the handler's own transaction, so that what the handler
 * wrote and the job's end are committed together or not at all: database effects exactly once.
 * Behind the same fence as any settlement.
 */

import type pg from "pg";
import type { CompletesJob } from "../../core/context.ts";
import type { Outcome } from "../../core/outcome.ts";
import { toOutputJson } from "../../core/output-json.ts";
import { unwrapResult } from "../../core/result.ts";
import { formatIssues } from "../../core/schema-issues.ts";
import type { SecretPath } from "../../core/secret-path.ts";
import { InvalidOutputError, PermanentError, ShutdownError } from "../../core/task-errors.ts";
import { holdsJob } from "../../store/queue/locks.ts";
import type { QueueJob } from "../../store/queue/queue-job.ts";
import { settleCompleted } from "../../store/queue/settle.ts";
import { maskRecords } from "../../store/queue/settle-masked.ts";
import type { CompletedSettlement } from "../../store/queue/settlement.ts";
import type { Schemas } from "../../store/schemas.ts";
import { retryTransient } from "../../store/transient.ts";
import type { Attempt } from "../attempt/attempt.ts";
import { asCompleted, ended } from "./write-batch.ts";

/** What a handler writes. */
export interface OwnSettlement extends CompletedSettlement {
  /** See `EndedAttempt`. */
  readonly secrets?: readonly SecretPath[] | undefined;
}

export class Completion {
  readonly #db: pg.Pool;
  readonly #schemas: Schemas;

  /** `db`: the queue pool, for asking whether the transaction was committed. */
  constructor(db: pg.Pool, schemas: Schemas) {
    this.#db = db;
    this.#schemas = schemas;
  }

  /**
   * @throws ShutdownError when the job is not this attempt's any more, PermanentError the second
   *   time, InvalidOutputError for an output that breaks the task's schema
   */
  async complete(attempt: Attempt, tx: CompletesJob, output: unknown): Promise<void> {
    const settlement = await this.begin(attempt, output);
    await settleInside(tx, this.#schemas, settlement);
    this.written(attempt, settlement);
  }

  /** What to write. Checks what can be checked before. */
  async begin(attempt: Attempt, output: unknown): Promise<OwnSettlement> {
    if (attempt.stopReason !== null) throw attempt.stopReason;
    if (attempt.completing !== null) throw new PermanentError("ctx.complete was called before");
    const outputJson = toOutputJson(await this.#checked(attempt, unwrapResult(output)));
    // why: with a database, attempts are of rows that the queue gave
    const job = attempt.job as QueueJob;
    const outcome: Outcome = { state: "completed", outputJson };
    const own = ended(attempt, job, attempt.secrets?.maskOutcome(outcome) ?? outcome);
    return { ...asCompleted(own), secrets: own.secrets };
  }

  /** It is in the handler's transaction, which may still be rolled back. */
  written(attempt: Attempt, settlement: CompletedSettlement): void {
    const { outputJson } = settlement;
    attempt.completing = {
      outputJson,
      landed: () =>
        retryTransient(async () => !(await holdsJob(this.#db, this.#schemas, settlement))),
    };
  }

  async #checked({ task }: Attempt, output: unknown): Promise<unknown> {
    const schema = task.outputSchema;
    if (schema === null) return output;
    const checked = await schema["~standard"].validate(output);
    if (checked.issues === undefined) return checked.value;
    throw new InvalidOutputError(`the output is invalid: ${formatIssues(checked.issues)}`);
  }
}

/**
 * Writes it in the handler's transaction.
 *
 * @throws ShutdownError when the job is not this attempt's any more
 */
export async function settleInside(
  tx: CompletesJob,
  schemas: Schemas,
  settlement: OwnSettlement,
): Promise<void> {
  const count = await settleCompleted(tx, schemas, [settlement]);
  if (count === 0) throw new ShutdownError("the job was given to another process");
  const { id, secrets } = settlement;
  if (secrets !== undefined) await maskRecords(tx, schemas, { ids: [id], paths: secrets });
}
