/** What a handler's thread and the process say to each other. Types only. */

import type { Progress } from "../../core/context.ts";
import type { Job } from "../../core/job.ts";
import type { Directive } from "../../core/outcome.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { Wire } from "./wire-error.ts";

/** What a thread is made with. */
export interface ThreadData {
  readonly projectDir: string;
  readonly tasksDir: string;
  readonly importTimeoutMs: number;
  /** The only task it runs. */
  readonly task: string;
  readonly connectionString: string;
  readonly schemas: Schemas;
  /** Of the pool that its handler uses. */
  readonly poolSize: number;
}

/** One side asks the other for something; the answer carries the same number. */
export interface CallMessage {
  readonly kind: "call";
  readonly call: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

export interface AnswerMessage {
  readonly kind: "answer";
  readonly call: number;
  readonly value?: unknown;
  readonly error?: Wire;
}

/** An attempt: everything that its handler's context is made of. */
export interface RunMessage {
  readonly kind: "run";
  readonly run: number;
  /** All columns, as plain data. */
  readonly job: Job;
  readonly fields: Record<string, unknown>;
  readonly logLevel: string;
  /** It was told to stop before it began. */
  readonly stopReason: Wire | null;
}

export type ToThread =
  | RunMessage
  | { readonly kind: "abort"; readonly run: number; readonly reason: Wire }
  /** What it was told to stop for no longer holds: steps are undone now. */
  | { readonly kind: "renew"; readonly run: number }
  | CallMessage
  | AnswerMessage;

export type ThreadMessage = ToThread | FromThread;

/** What a step is made of: functions of the thread, by their numbers. */
export interface StepParts {
  readonly call: number;
  readonly undo: number | null;
  readonly secret: boolean | undefined;
}

/** What a handler returned. */
export type Returned =
  | { readonly what: "value"; readonly value: unknown }
  /** Told in lines of the log what was changed. */
  | { readonly what: "json"; readonly json: string | null }
  | { readonly what: "directive"; readonly kind: "snooze" | "cancel"; readonly rest: DirectiveRest }
  /** An array with promises: each entry comes in a message of its own. */
  | { readonly what: "batch"; readonly length: number };

export type DirectiveRest = Pick<Directive, "delayMs" | "reason">;

export type FromThread =
  | { readonly kind: "ready" }
  | { readonly kind: "unloadable"; readonly reason: string }
  | { readonly kind: "log"; readonly run: number; readonly line: LogLine }
  | { readonly kind: "progress"; readonly run: number; readonly progress: Progress }
  | { readonly kind: "returned"; readonly run: number; readonly returned: Returned }
  | { readonly kind: "threw"; readonly run: number; readonly error: Wire }
  | {
      readonly kind: "entry";
      readonly run: number;
      readonly index: number;
      readonly value?: unknown;
      readonly error?: Wire;
    }
  /** Nobody caught it; `run` is the attempt that it came from, 0 = none. */
  | {
      readonly kind: "stray";
      readonly run: number;
      readonly fields: Record<string, unknown>;
      readonly error: Wire;
    }
  | CallMessage
  | AnswerMessage;

export interface LogLine {
  readonly level: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
  /** Of the logger's children. */
  readonly bindings: Record<string, unknown>;
  readonly args: readonly unknown[];
}
