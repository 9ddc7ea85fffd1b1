/**
 * What an attempt's steps, compensations and `ctx.once` ask to be remembered. Owns the shape
 * only: in a process it is `runtime/steps/database-journal`, in unit tests a list in memory.
 *
 * "Whether" below is always: whether the job is still this attempt's. If not, nothing was
 * written.
 */

import type { JobEnding } from "./job.ts";

/** A step that was done, in this attempt or one before. */
export interface KeptStep {
  readonly name: string;
  /** Rises with each step that is done. */
  readonly position: number;
  /** `uncompensated`: its compensation failed for good. */
  readonly state: "done" | "compensated" | "uncompensated";
  readonly compensable: boolean;
  /** As `core/kept-json` makes it. */
  readonly resultJson: string | null;
  /** Tries of its compensation that failed. */
  readonly tries: number;
  /** Why the last of these failed. */
  readonly error: string | null;
  /** Its result is for nobody but the job. Default false. */
  readonly secret?: boolean;
}

export interface DoneStep {
  readonly name: string;
  readonly compensable: boolean;
  readonly resultJson: string | null;
  readonly startedAtMs: number;
  /** Its result is for nobody but the job. Default false. */
  readonly secret?: boolean;
}

/** A try of a compensation that failed. */
export interface FailedTry {
  readonly name: string;
  readonly tries: number;
  readonly error: string;
  /** There will be no other. */
  readonly final: boolean;
}

export type OnceClaim =
  | { readonly state: "claimed" }
  | { readonly state: "finished"; readonly resultJson: string | null }
  /** Another job is at it. */
  | { readonly state: "busy"; readonly jobId: string };

export interface Journal {
  /** The job's steps, in the order in which they were done. */
  steps(): Promise<KeptStep[]>;
  /** Keeps a step's result; its position, or null when the job isn't ours any more. */
  keepStep(step: DoneStep): Promise<number | null>;
  /** Writes down how the job will end, before anything is undone. Whether. */
  beginEnding(ending: JobEnding): Promise<boolean>;
  /** Whether. */
  markCompensated(name: string): Promise<boolean>;
  /** Whether. */
  markFailedTry(failed: FailedTry): Promise<boolean>;
  /**
   * Takes a key, unless it is finished or another job is at it.
   *
   * @param claim random; the same each time that one call is sent again
   */
  claimOnce(key: string, claim: string): Promise<OnceClaim>;
  /** What is kept of a key, without taking it: undefined when nothing is. */
  findOnce(key: string): Promise<{ readonly resultJson: string | null } | undefined>;
  /** Whether the claim still held and the result is kept; `retainMs` null = for ever. */
  finishOnce(key: string, claim: string, result: OnceResult): Promise<boolean>;
  dropOnce(key: string, claim: string): Promise<void>;
}

export interface OnceResult {
  readonly resultJson: string | null;
  readonly retainMs: number | null;
}
