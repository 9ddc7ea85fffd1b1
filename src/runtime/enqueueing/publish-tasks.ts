/** Brings a catalog into the words of `store/published-tasks`, and writes it. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Catalog } from "../../core/catalog.ts";
import type { Task, TaskPolicies } from "../../core/task.ts";
import {
  type PublishedTask,
  type TaskDetails,
  writePublishedTasks,
} from "../../store/published-tasks.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { SqlRunner } from "../../store/sql-runner.ts";
import { payloadJsonSchema } from "./payload-json-schema.ts";

export interface PublishOptions {
  readonly db: SqlRunner;
  readonly schemas: Schemas;
  readonly catalog: Catalog;
  /** The process that has these tasks; null = it only says what they are. */
  readonly processId: string | null;
}

/** Throws what the database throws; returns the names and aliases that were written. */
export async function publishTasks(options: PublishOptions): Promise<string[]> {
  const named = new Map<string, PublishedTask>();
  const rows = new Map<string, PublishedTask>();
  for (const task of options.catalog.tasks.values()) {
    const row = await rowOf(task);
    named.set(task.name, row);
    for (const name of task.aliases) rows.set(name, { ...row, name });
    // Schemas may be large: the jobs that run already go on in between.
    await nextTurn();
  }
  // After the aliases: a task's own name wins.
  for (const [name, row] of named) rows.set(name, row);
  const { db, schemas, processId, catalog } = options;
  await writePublishedTasks(db, schemas, processId, [...rows.values()], catalog.failures);
  return [...rows.keys()];
}

async function rowOf(task: Task): Promise<PublishedTask> {
  const { name, description, payloadSchema, policies, secrets } = task;
  const { completedMs, cancelledMs, failedMs } = policies.retain;
  return {
    name,
    task: name,
    description: description?.toWellFormed().replaceAll("\0", "") ?? null,
    payloadSchemaJson: payloadSchema === null ? null : await payloadJsonSchema(payloadSchema),
    retainCompletedMs: completedMs,
    retainCancelledMs: cancelledMs,
    retainFailedMs: failedMs,
    secrets,
    details: taskDetails(task),
  };
}

/** Also for who asks this process and not the database. */
export function taskDetails({ file, version, policies, sources }: Task): TaskDetails {
  return {
    file,
    version,
    policies: Object.entries(policies).map(([name, value]) => ({
      name,
      value: plain(value),
      // why: both records have the policies' names
      source: sources[name as keyof TaskPolicies],
    })),
  };
}

function plain(value: unknown): unknown {
  if (typeof value === "function") return "function";
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
