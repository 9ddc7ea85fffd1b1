/**
 * Brings ended attempts into the form of the statements that settle them, and what these say
 * into what became of each job. Knows the three kinds of batch; when to send which, and what to
 * do when one fails, is `settle.ts`.
 */

import type pg from "pg";
import { keepsNothing } from "../../core/keeps-nothing.ts";
import type { Outcome, OutcomeState } from "../../core/outcome.ts";
import type { SecretPath } from "../../core/secret-path.ts";
import type { Task } from "../../core/task.ts";
import type { QueueJob } from "../../store/queue/queue-job.ts";
import { landedBefore, settleCompleted, settlePlain } from "../../store/queue/settle.ts";
import { settleMasked } from "../../store/queue/settle-masked.ts";
import { settleOthers } from "../../store/queue/settle-others.ts";
import type { CompletedSettlement, OtherSettlement } from "../../store/queue/settlement.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { Attempt } from "../attempt/attempt.ts";

/** An attempt that has ended, ready to be written. */
export interface EndedAttempt {
  readonly job: QueueJob;
  /** False for a job that goes back without having been started. */
  readonly ran: boolean;
  readonly outcome: Outcome;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly progressJson: string | null;
  /** Its task keeps nothing of jobs that end so. Default false. */
  readonly traceless?: boolean;
  /** The job's task, if it has a breaker. */
  readonly guarded?: Task | undefined;
  /** Where the job has secrets, which its record must not have; [] = in its steps alone. */
  readonly secrets?: readonly SecretPath[] | undefined;
  /** Its handler has written the end itself. Default false. */
  readonly inside?: boolean;
}

/** Of an attempt that has just ended. */
export function ended(attempt: Attempt, job: QueueJob, outcome: Outcome): EndedAttempt {
  const { progress, startedAtMs, task } = attempt;
  const finishedAtMs = Date.now();
  return {
    job,
    ran: true,
    outcome,
    // It ended while it waited for its turn.
    startedAtMs: startedAtMs === 0 ? finishedAtMs : startedAtMs,
    finishedAtMs,
    progressJson: progress === null ? null : JSON.stringify(progress),
    traceless: keepsNothing(task.policies.retain, outcome.state),
    guarded: guarded(task),
    secrets: secretsOf(attempt),
    inside: attempt.completing !== null,
  };
}

/** Undefined for all but the few that have any. */
function secretsOf(attempt: Attempt): readonly SecretPath[] | undefined {
  const { secrets } = attempt.task;
  if (secrets !== null) return secrets.payload;
  return attempt.usesSteps && attempt.steps.hasSecrets ? [] : undefined;
}

/** Of a job that was never started here. */
export function unstarted(job: QueueJob, outcome: Outcome, task?: Task): EndedAttempt {
  const nowMs = Date.now();
  return {
    job,
    ran: false,
    outcome,
    startedAtMs: nowMs,
    finishedAtMs: nowMs,
    progressJson: null,
    guarded: guarded(task),
    secrets: task?.secrets?.payload,
  };
}

/** The task, if somebody wants to know how its attempts end. */
function guarded(task: Task | undefined): Task | undefined {
  return task === undefined || task.policies.breaker === null ? undefined : task;
}

/** Resolves to what became of each job, by id; those not in it were lost. */
export type WriteBatch = (
  db: pg.Pool,
  schemas: Schemas,
  batch: readonly EndedAttempt[],
  tries: number,
) => Promise<ReadonlyMap<string, OutcomeState> | "as is">;

export const writePlain: WriteBatch = (db, schemas, batch, tries) =>
  complete(db, schemas, batch, tries, settlePlain);

export const writeCompleted: WriteBatch = (db, schemas, batch, tries) =>
  complete(db, schemas, batch, tries, settleCompleted);

async function complete(
  db: pg.Pool,
  schemas: Schemas,
  batch: readonly EndedAttempt[],
  tries: number,
  settle: typeof settlePlain,
): Promise<ReadonlyMap<string, OutcomeState> | "as is"> {
  const settlements = batch.map(asCompleted);
  const count = await withSecretsMasked(db, schemas, batch, (either) =>
    settle(either, schemas, settlements),
  );
  if (count === batch.length) return "as is";
  const landed = await landedBefore(db, schemas, settlements);
  const states = new Map<string, OutcomeState>();
  for (const id of landed) states.set(id, "completed");
  for (const { job, traceless, inside } of batch) {
    // Sent again and not there: nothing says whether it had landed, but it most likely had.
    if (inside || (traceless && tries > 1)) states.set(job.id, "completed");
  }
  return states;
}

/** A batch without secrets, which is nearly every one, is settled as it is. */
function withSecretsMasked<Result>(
  db: pg.Pool,
  schemas: Schemas,
  batch: readonly EndedAttempt[],
  settle: (db: Pick<pg.Pool, "query">) => Promise<Result>,
): Promise<Result> {
  const secret = batch.filter(({ secrets }) => secrets !== undefined);
  if (secret.length === 0) return settle(db);
  // By the value: tasks, and so their paths, are the same objects for all of their attempts.
  const groups = Map.groupBy(secret, ({ secrets }) => secrets);
  const records = [...groups].map(([paths = [], ended]) => ({
    paths,
    ids: ended.map(({ job }) => job.id),
  }));
  return settleMasked(db, schemas, records, settle);
}

export const writeOthers: WriteBatch = async (db, schemas, batch, tries) => {
  const settlements = batch.map(asOther);
  const settled = await withSecretsMasked(db, schemas, batch, (either) =>
    settleOthers(either, schemas, settlements),
  );
  const states = new Map<string, OutcomeState>(settled.map(({ id, state }) => [id, state]));
  if (states.size === batch.length) return states;
  const landed = tries > 1 ? await landedBefore(db, schemas, settlements) : new Set();
  for (const { job, outcome, ran, traceless } of batch) {
    // Nothing is lost with a job that never ran. Of some no record is left: sent twice, they
    // count as landed.
    const unrecorded = traceless || outcome.state === "snoozed" || outcome.state === "returned";
    const fine = landed.has(job.id) || !ran || (tries > 1 && unrecorded);
    if (!states.has(job.id) && fine) states.set(job.id, outcome.state);
  }
  return states;
};

/** Nothing but its row: no key, no serial queue, no details, no record of an earlier ending. */
export function isPlain({ job, progressJson, traceless, inside }: EndedAttempt): boolean {
  if (inside) return false;
  const lone = job.key === null && job.queue === null && !job.hasDetails;
  return lone && job.lastError === null && progressJson === null && !traceless;
}

/** What every kind of settlement says of its attempt. */
export function settlementOf(ended: EndedAttempt) {
  return {
    id: ended.job.id,
    attempt: ended.job.attempt,
    lockedBy: ended.job.lockedBy,
    keyed: ended.job.key !== null,
    startedAtMs: ended.startedAtMs,
    finishedAtMs: ended.finishedAtMs,
    progressJson: ended.progressJson,
    traceless: ended.traceless ?? false,
  };
}

// Member by member: one is made for each job, and a copy of `settlementOf` costs more than it.
export function asCompleted(ended: EndedAttempt): CompletedSettlement {
  const { job, outcome } = ended;
  return {
    id: job.id,
    attempt: job.attempt,
    lockedBy: job.lockedBy,
    keyed: job.key !== null,
    startedAtMs: ended.startedAtMs,
    finishedAtMs: ended.finishedAtMs,
    progressJson: ended.progressJson,
    traceless: ended.traceless ?? false,
    task: job.task,
    place: job.place,
    outputJson: outcome.state === "completed" ? outcome.outputJson : null,
  };
}

function asOther(ended: EndedAttempt): OtherSettlement {
  const { outcome } = ended;
  if (outcome.state === "completed" || outcome.state === "waiting") {
    throw new TypeError(`${outcome.state} attempts have a batch of their own`);
  }
  return {
    ...settlementOf(ended),
    state: outcome.state,
    delayMs: "delayMs" in outcome ? outcome.delayMs : 0,
    reason:
      "reason" in outcome ? (outcome.reason?.toWellFormed().replaceAll("\0", "") ?? null) : null,
    remaining: "remaining" in outcome ? (outcome.remaining ?? null) : null,
    error: "error" in outcome ? outcome.error : null,
  };
}
