/**
 * A Task made of its facts: right for all that is done before an attempt, while its code is still
 * on disk. What it has of functions fetches the code and hands on; no attempt is to run on it.
 */

import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import type { Task, TaskPolicies } from "../../core/task.ts";
import { functionMark, type TaskFacts } from "./task-facts.ts";

export interface LateTaskOrigin extends Pick<Task, "name" | "file"> {
  /** The task with its code. Rejects when it can't be had. */
  readonly load: () => Promise<Task>;
}

export function lateTask(facts: TaskFacts, { name, file, load }: LateTaskOrigin): Task {
  const { description, aliases, sources, secrets, payload, output } = facts;
  return Object.freeze({
    name,
    file,
    version: 1,
    description,
    aliases,
    payloadSchema:
      payload === null ? null : lateSchema(payload.json, async () => (await load()).payloadSchema),
    outputSchema: output ? lateSchema(null, async () => (await load()).outputSchema) : null,
    handler: async (given: unknown, ctx) => (await load()).handler(given, ctx),
    onFailed: null,
    middleware: [],
    policies: latePolicies(facts.policies),
    secrets,
    sources,
  } satisfies Task);
}

function latePolicies(facts: TaskFacts["policies"]): TaskPolicies {
  const said = Object.entries(facts).map(([name, value]) => [
    name,
    value === functionMark && mayBeFunction.has(name) ? needsCode : value,
  ]);
  // why: the same policies in the same order, a function in the place of its mark
  return Object.fromEntries(said) as unknown as TaskPolicies;
}

/** A serial queue may be called like the mark; a function that tells it is no fact. */
const mayBeFunction: ReadonlySet<string> = new Set<keyof TaskPolicies>(["retry", "classify"]);

/** Called after an attempt only, and attempts have the code. */
function needsCode(): never {
  throw new Error("the task's code has not been imported");
}

/** Says its JSON Schema at once; a value is checked by the task's own schema. */
function lateSchema(
  json: string | null,
  load: () => Promise<StandardSchemaV1 | null>,
): StandardSchemaV1 {
  const standard: StandardSchemaV1.Props & Partial<StandardJSONSchemaV1.Props> = {
    version: 1,
    vendor: "taskrun",
    validate: async (value) => {
      const schema = await load();
      // Mended meanwhile: it takes any value now.
      return schema === null ? { value } : schema["~standard"].validate(value);
    },
    ...(json !== null && { jsonSchema: { input: () => JSON.parse(json), output: () => ({}) } }),
  };
  return { "~standard": standard };
}
