/**
 * The `defineTask` of task files: core's, with `enqueue` on what it returns. Loads the client
 * only when a job is queued, so that a process that runs tasks pays nothing for it.
 */

import type { EnqueueOptions } from "../core/job.ts";
import { defineTask as define, type TaskDefinition } from "../core/task.ts";
import { noteOrigin, originKey } from "./task-origin.ts";
import type { EnqueueableTask, ImportedTask } from "./typed-enqueue.ts";

/**
 * Defines a task; export it by default from a file under `tasks/`. Whoever imports the file may
 * queue a job of it: `await sendEmail.enqueue({ to: "a@b.co" })`.
 *
 * @example
 * export default defineTask({
 *   payload: z.object({ to: z.email() }),
 *   async handler(payload, ctx) {
 *     ctx.log.info({ to: payload.to }, "sending");
 *   },
 * });
 */
export function defineTask<
  Payload = unknown,
  Output = unknown,
  Input = Payload,
  Returned = unknown,
>(
  definition: TaskDefinition<Payload, Output, Input, Returned>,
): EnqueueableTask<Payload, Output, Input, Returned> {
  const task = { ...define(definition), enqueue };
  // Neither is an option of the task.
  Object.defineProperty(task, "enqueue", { enumerable: false });
  Object.defineProperty(task, originKey, { value: noteOrigin(defineTask) });
  // why: what enqueue takes and leads to is told by the definition, not by its code
  return Object.freeze(task) as EnqueueableTask<Payload, Output, Input, Returned>;
}

async function enqueue(this: ImportedTask, payload?: unknown, options?: EnqueueOptions) {
  const { defaultClient } = await import("./default-client.ts");
  const client = await defaultClient(this);
  return client.enqueue<ImportedTask>(this, payload, options);
}
