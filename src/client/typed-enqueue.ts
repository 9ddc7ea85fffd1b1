/**
 * What enqueuing looks like to the compiler: names and payloads from `TaskrunTasks`, or from an
 * imported task itself. Types only.
 */

import type { EnqueueOptions } from "../core/job.ts";
import type { DefinedTask, taskBrand } from "../core/task.ts";
import type { InputOf, OutputOf, TaskInput, TaskName, TaskOutput } from "../core/taskrun-tasks.ts";

/** What `defineTask` returned, whatever its payload. */
export interface ImportedTask {
  readonly [taskBrand]: true;
}

declare const outputBrand: unique symbol;

/** A job's id, as `taskrun.jobs` has it; any string can stand for one. */
export type JobId<Output = unknown> = string & { readonly [outputBrand]?: Output };

export interface EnqueuedJob<Output = unknown> {
  readonly id: JobId<Output>;
}

type PayloadOf<Named> = Named extends ImportedTask ? TaskInput<Named> : InputOf<Named>;
type ResultOf<Named> = Named extends ImportedTask ? TaskOutput<Named> : OutputOf<Named>;

/** The payload may be left out where an empty object will do. */
type Nothing = Record<never, never>;

export type EnqueueArguments<Payload> = Nothing extends Payload
  ? [payload?: Payload, options?: EnqueueOptions]
  : [payload: Payload, options?: EnqueueOptions];

/** One job of `enqueueMany`: the task's name, its payload, and any option of `enqueue`. */
export type JobSpec<Name extends TaskName = TaskName> = Name extends TaskName
  ? EnqueueOptions & { readonly task: Name } & (Nothing extends InputOf<Name>
        ? { readonly payload?: InputOf<Name> | undefined }
        : { readonly payload: InputOf<Name> })
  : never;

export interface TypedEnqueue {
  /**
   * Queues one job of a task, by name or by what the task's file exports.
   *
   * The payload is checked by the task's schema first; default `{}`. Options override what the
   * task's file says.
   *
   * @throws TaskrunError `bad-payload`, `bad-enqueue-option`, `task-not-loadable`,
   *   `unnamed-task`, `no-database`, `not-migrated`; and the database's own errors
   */
  enqueue<Named extends TaskName | ImportedTask>(
    task: Named,
    ...args: EnqueueArguments<PayloadOf<Named>>
  ): Promise<EnqueuedJob<ResultOf<Named>>>;

  /**
   * Queues many jobs in one statement, all or none, and returns their ids in the order given.
   * Each payload is checked before anything is queued.
   *
   * @throws TaskrunError as `enqueue`; the message says which job of the list
   */
  enqueueMany(jobs: readonly JobSpec[]): Promise<EnqueuedJob[]>;
}

/** What `defineTask` returns: the definition, and a way to queue jobs of it. */
export interface EnqueueableTask<Payload, Output, Input, Returned>
  extends DefinedTask<Payload, Output, Input, Returned> {
  /**
   * Queues one job of this task, in the database of the project that its file is in:
   * `DATABASE_URL`, else the configuration's. In a transaction, or elsewhere:
   * `client.enqueue(task, payload)`.
   *
   * @throws TaskrunError as `client.enqueue`
   */
  enqueue(
    ...args: EnqueueArguments<TaskInput<DefinedTask<Payload, Output, Input, Returned>>>
  ): Promise<EnqueuedJob<TaskOutput<DefinedTask<Payload, Output, Input, Returned>>>>;
}
