/**
 * What the compiler knows of the project's tasks: which names there are, what each is queued
 * with and what it leaves as its output. Types only; `taskrun types` fills them in.
 */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Json } from "./job.ts";
import type { Directive } from "./outcome.ts";
import type { Err, Ok } from "./result.ts";
import type { DefinedTask } from "./task.ts";

/**
 * The project's tasks by name. Empty here; the project's `taskrun-env.d.ts`, written by
 * `taskrun types`, adds one entry per task. While it is empty, every name is taken.
 */
// biome-ignore lint/suspicious/noEmptyInterface: projects add to it
export interface TaskrunTasks {}

/** What a task file exports by default, as an entry of `TaskrunTasks`. */
export interface TaskEntry<Exported> {
  /** The payload as it is queued, before the schema has parsed it. */
  readonly input: TaskInput<Exported>;
  /** The output as `client.wait` returns it. */
  readonly output: TaskOutput<Exported>;
}

/** The names that jobs can be queued under: any text while no types were generated. */
export type TaskName = [keyof TaskrunTasks] extends [never]
  ? string
  : Extract<keyof TaskrunTasks, string>;

/** What the task of that name is queued with. */
export type InputOf<Name> = Name extends keyof TaskrunTasks
  ? TaskrunTasks[Name] extends { readonly input: infer Input }
    ? Input
    : unknown
  : unknown;

/** What a completed job of the task of that name leaves. */
export type OutputOf<Name> = Name extends keyof TaskrunTasks
  ? TaskrunTasks[Name] extends { readonly output: infer Output }
    ? Output
    : unknown
  : unknown;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** The schema's input, else what the handler takes; unknown where neither says. */
export type TaskInput<Exported> =
  IsAny<Exported> extends true
    ? unknown
    : Exported extends { readonly payload?: infer Schema; readonly handler: infer Handler }
      ? NonNullable<Schema> extends StandardSchemaV1<infer Input, infer _>
        ? unknown extends Input
          ? HandlerInput<Handler>
          : Input
        : HandlerInput<Handler>
      : HandlerInput<Exported>;

type HandlerInput<Handler> = Handler extends (payload: infer Payload, ...rest: never) => unknown
  ? IsAny<Payload> extends true
    ? unknown
    : Payload
  : unknown;

/** The output schema's output, else what the handler returns, as JSON gives it back. */
export type TaskOutput<Exported> =
  IsAny<Exported> extends true
    ? unknown
    : Exported extends DefinedTask<infer _, infer Output, infer __, infer Returned>
      ? unknown extends Output
        ? Kept<Returned>
        : AsJson<Output>
      : Exported extends
            | ((...args: never) => infer Returned)
            | { readonly handler: (...args: never) => infer Returned }
        ? Kept<Returned>
        : unknown;

type Kept<Returned> = unknown extends Returned ? unknown : KeptValue<Awaited<Returned>>;

/** `ok(value)` keeps its value, `err` and what `ctx.snooze` returns keep none. */
type KeptValue<Value> =
  Value extends Ok<infer Inner>
    ? AsJson<Inner>
    : Value extends Err<unknown> | Directive
      ? never
      : AsJson<Value>;

type Unkept = undefined | symbol | ((...args: never) => unknown);

/** What `JSON.parse(JSON.stringify(value))` is; null where there is nothing to keep. */
export type AsJson<Value> =
  IsAny<Value> extends true
    ? unknown
    : unknown extends Value
      ? unknown
      : Value extends string | number | boolean | null
        ? Value
        : // biome-ignore lint/suspicious/noConfusingVoidType: what a handler without return gives
          Value extends undefined | void
          ? null
          : Value extends { toJSON(): infer Shown }
            ? AsJson<Shown>
            : Value extends readonly unknown[]
              ? { [Index in keyof Value]: AsJson<Value[Index]> }
              : Value extends object
                ? AsJsonObject<Value>
                : Json;

/** Without what JSON leaves out: what is undefined, functions, symbols. */
type AsJsonObject<Value> = Flat<
  { [Key in KeptKey<Value> as Always<Value, Key>]: AsJson<Value[Key]> } & {
    [Key in KeptKey<Value> as Sometimes<Value, Key>]?: AsJson<Exclude<Value[Key], Unkept>>;
  }
>;

type KeptKey<Value> = Extract<keyof Value, string | number>;
type Always<Value, Key extends keyof Value> =
  Extract<Value[Key], Unkept> extends never ? Key : never;
type Sometimes<Value, Key extends keyof Value> =
  Extract<Value[Key], Unkept> extends never
    ? never
    : Exclude<Value[Key], Unkept> extends never
      ? never
      : Key;
type Flat<T> = { [Key in keyof T]: T[Key] };
