/**
 * How an attempt ended: one value, made by `runtime/attempt/execute-attempt`, acted on by
 * `runtime/settling/settle` and nobody else.
 *
 *   pending ──┐
 *   scheduled ┼─▶ running ──┬─▶ completed              (leaves the queue, history row)
 *   retrying ─┤     ▲       ├─▶ retrying ──(delay)──┐  (attempt row, run_at = now + delay)
 *   blocked ──┘     │       ├─▶ snoozed ───(delay)──┤  (attempt not counted)
 *                   │       ├─▶ returned ───────────┤  (attempt not counted, due at once)
 *                   │       ├─▶ waiting ──(blocked)─┤  (attempt not counted, until jobs end)
 *                   └───────┼───────────────────────┘
 *                           ├─▶ cancelled              (leaves the queue, history row)
 *                           └─▶ failed                 (stays in the queue with
 *                                                       attempts = max_attempts, history row)
 *
 * `returned` is not an ending a handler can ask for: it is what a stop makes of an attempt
 * that it cut short. A blocked job may end without an attempt, as cancelled or failed, when a job
 * it waits for does (`onParentFailure`).
 */

/** `outputJson` is the output as JSON text that jsonb takes; null when there is none. */
export type Outcome =
  | { readonly state: "completed"; readonly outputJson: string | null }
  | (Unfinished & { readonly state: "retrying"; readonly error: Failure; readonly delayMs: number })
  | (Unfinished & {
      readonly state: "snoozed";
      readonly delayMs: number;
      readonly reason: string | null;
    })
  | { readonly state: "cancelled"; readonly reason: string | null }
  | (Unfinished & { readonly state: "failed"; readonly error: Failure })
  | (Unfinished & { readonly state: "returned"; readonly reason: string })
  /** For the end of these jobs, by their ids. */
  | { readonly state: "waiting"; readonly jobs: readonly string[] };

/** Of jobs that stay in the queue. */
interface Unfinished {
  /**
   * Which entries of its payload, an array, a batch still has to do, by position from 0: the job
   * keeps only these. Absent when it keeps its whole payload.
   */
  readonly remaining?: readonly number[];
  /** The task has a breaker, and this speaks of what the task depends on: it counts. */
  readonly tripsBreaker?: true;
}

export type OutcomeState = Outcome["state"];

/** Whether the job can start again right away. */
export function isDueAtOnce(outcome: Outcome): boolean {
  return outcome.state === "returned" || ("delayMs" in outcome && outcome.delayMs <= 0);
}

/** An error made storable and classified. */
export interface Failure {
  /** The error's name: "TypeError", "PermanentError"; "NonError" for thrown non-errors. */
  readonly name: string;
  /** At most 10,000 characters, no NUL, no lone surrogates. */
  readonly message: string;
  /** At most 20,000 characters; null when there is none. */
  readonly stack: string | null;
  /** Which row of the classification table decided. */
  readonly rule: ClassificationRule;
  /** What was thrown, for listeners in this process; never stored. */
  readonly thrown: unknown;
}

/**
 * The rows of the classification table, in the order they are tried; and "output" for a result
 * that breaks the task's schema, which is not up for classification: always permanent.
 */
export type ClassificationRule =
  | "thrown-on-purpose"
  | "task-classify"
  | "config-classify"
  | "message-prefix"
  | "payload-schema"
  | "http-status"
  | "network-code"
  | "sqlstate"
  | "default"
  | "output";

/**
 * What a handler may return instead of an output, made by `ctx.snooze` and `ctx.cancel`.
 * A branded value, so that no output can be mistaken for it.
 */
export interface Directive {
  readonly [directiveBrand]: "snooze" | "cancel";
  readonly delayMs: number;
  readonly reason: string | null;
}

// Symbol.for: a handler may hold another copy of this module than the runtime does.
// why: Symbol.for can't be typed unique
export const directiveBrand: unique symbol = Symbol.for("taskrun.directive") as never;

export function isDirective(value: unknown): value is Directive {
  return typeof value === "object" && value !== null && directiveBrand in value;
}
