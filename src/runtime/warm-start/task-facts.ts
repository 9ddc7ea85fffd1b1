/**
 * What there is to know of a task before any of its jobs runs, as plain data: enough to fetch its
 * jobs, queue new ones and tell people of it. Owns what can't be said without the code: the tasks
 * of which it is true have no facts.
 */

import { isDeepStrictEqual } from "node:util";
import type { Task, TaskPolicies, TaskSecrets } from "../../core/task.ts";
import { payloadJsonSchema } from "../enqueueing/payload-json-schema.ts";

/** In place of a function; no policy has this text as its value. */
export const functionMark = "function";

export interface TaskFacts {
  readonly description: string | null;
  readonly aliases: readonly string[];
  readonly policies: FactualPolicies;
  readonly sources: Task["sources"];
  readonly secrets: TaskSecrets | null;
  /** Null = the task takes any payload. */
  readonly payload: SchemaFacts | null;
  /** Whether outputs are checked. */
  readonly output: boolean;
}

/** The policies in their order, with the mark where a function is. */
export type FactualPolicies = {
  readonly [Name in keyof TaskPolicies]:
    | Exclude<TaskPolicies[Name], (...args: never) => unknown>
    | typeof functionMark;
};

export interface SchemaFacts {
  /** JSON Schema as text; null when there is none to check by. */
  readonly json: string | null;
}

/**
 * Null for a task whose functions are needed before its code runs: one that tells the serial queue
 * from the payload, or has a limit by key.
 */
export async function taskFacts(task: Task): Promise<TaskFacts | null> {
  const plain = plainFacts(task);
  if (plain === null) return null;
  const { payloadSchema } = task;
  const json = payloadSchema === null ? null : await payloadJsonSchema(payloadSchema);
  return { ...plain, payload: payloadSchema === null ? null : { json } };
}

/** Whether the facts, but for the JSON Schema, are true of the task. */
export function areTrueOf(facts: TaskFacts, task: Task): boolean {
  const plain = plainFacts(task);
  if (plain === null) return false;
  const { payload, ...others } = facts;
  return isDeepStrictEqual(others, plain) && (payload === null) === (task.payloadSchema === null);
}

function plainFacts(task: Task): Omit<TaskFacts, "payload"> | null {
  const { description, aliases, sources, secrets, outputSchema, policies } = task;
  if (typeof policies.queue === "function" || policies.limit !== null) return null;
  const said = Object.entries(policies).map(([name, value]) => [
    name,
    typeof value === "function" ? functionMark : value,
  ]);
  // As JSON gives it back, so that facts that were read can be compared with facts that are made.
  return JSON.parse(
    JSON.stringify({
      description,
      aliases,
      policies: Object.fromEntries(said),
      sources,
      secrets,
      output: outputSchema !== null,
    }),
  );
}
