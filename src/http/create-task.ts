/**
 * `POST /tasks`: from the body to a job in the queue, by the same way that every other job
 * takes. Refuses a task that neither this process nor any other knows.
 */

import { createHash } from "node:crypto";
import { z } from "zod";
import type { Catalog } from "../core/catalog.ts";
import { closestName } from "../core/closest-name.ts";
import { sentence, TaskrunError } from "../core/errors.ts";
import { type EnqueueOptions, type Json, priorityNumbers } from "../core/job.ts";
import { jobRetryProblem } from "../core/job-retry.ts";
import type { JobRetry } from "../core/retry-policy.ts";
import type { Task } from "../core/task.ts";
import { createEnqueuer, taskFinder } from "../runtime/enqueueing/enqueue.ts";
import { claimKey, keepAnswer, type UsedKey } from "../store/idempotency.ts";
import { getJob } from "../store/jobs.ts";
import { listPublishedTasks } from "../store/published-tasks.ts";
import type { Caller, Knock } from "./gate.ts";
import { HttpError } from "./http-error.ts";
import { type ApiParts, jobId } from "./http-route.ts";
import { payloadIssues } from "./payload-issues.ts";
import { createdTask } from "./task-view.ts";

const priorityNames = Object.keys(priorityNumbers).join(", ");

const retryStrategy = z.custom<JobRetry>().superRefine((value, context) => {
  const problem = jobRetryProblem(value);
  if (problem === null) return;
  const [, place = "", message = problem] = /^retry([\w.]*): (.*)$/s.exec(problem) ?? [];
  context.addIssue({ code: "custom", path: place.split(".").filter(Boolean), message });
});

/** Null is the same as leaving a field out. */
export const newTask = z.strictObject({
  task_type: z.string().min(1).max(200),
  // It was parsed from JSON: there is nothing more to check, and it may be large and deep.
  payload: z.unknown().optional(),
  priority: z
    .union([z.enum(["critical", "high", "normal", "low"]), z.int().min(-32_768).max(32_767)], {
      error: `expected ${priorityNames}, or a whole number from -32768 to 32767`,
    })
    .nullish(),
  scheduled_at: z.iso
    .datetime({ offset: true, error: 'expected a moment like "2030-01-31T08:00:00Z"' })
    .nullish(),
  retry_strategy: retryStrategy.nullish(),
  max_attempts: z.int().min(1).max(32_767).nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  queue: z.string().min(1).max(128).nullish(),
  key: z.string().min(1).max(512).nullish(),
  key_mode: z.enum(["replace", "preserve_run_at", "unsafe_dedupe"]).nullish(),
  correlation_id: z.string().min(1).max(512).nullish(),
  after: z.array(jobId).max(1_000).nullish(),
  on_parent_failure: z.enum(["cancel", "run", "fail"]).nullish(),
});

export type NewTask = z.output<typeof newTask>;

type CreatedTask = ReturnType<typeof createdTask>;

export interface Creation {
  readonly caller: Caller;
  /** The same key with the same body creates one task, for a day. Null = none. */
  readonly key: string | null;
}

/**
 * @throws HttpError 404 for an unknown task, 422 for a payload that its schema refuses or a key
 *   that was used with another body
 */
export async function createTask(
  { db, schemas, catalog }: Pick<ApiParts, "db" | "schemas" | "catalog">,
  given: NewTask,
  { caller: { name: createdBy }, key }: Creation,
): Promise<{ readonly task: CreatedTask; readonly isRepeated: boolean }> {
  const { task_type: name, payload } = given;
  const task = taskFinder(catalog())(name);
  const client = await db.connect();
  let broken: Error | undefined;
  try {
    // In a transaction, so that it is told as it was created: no process has seen it yet.
    await client.query("begin");
    const claim = key === null ? null : { caller: createdBy ?? "", key, bodySha256: hashOf(given) };
    const used = claim === null ? null : await claimKey(client, schemas, claim);
    if (used !== null) {
      await client.query("commit");
      return { task: repeatedTask(used), isRepeated: true };
    }
    if (task === undefined) await refuseUnknown({ db: client, schemas }, catalog(), name);
    const { enqueue } = createEnqueuer({ db: client, schemas, findTask: () => task });
    const { id } = await enqueue(name, payload, optionsFrom(given, createdBy));
    const row = await getJob(client, schemas, id);
    if (row === null) throw new TypeError(`the job ${id} is not there after it was added`);
    const created = createdTask(row);
    if (claim !== null) await keepAnswer(client, schemas, claim, created);
    await client.query("commit");
    return { task: created, isRepeated: false };
  } catch (error) {
    await client.query("rollback").catch((lost: Error) => {
      broken = lost;
    });
    throw await inPlaces(error, task, payload);
  } finally {
    client.release(broken);
  }
}

/** @throws HttpError 422 for a header that can't be a key */
export function idempotencyKeyIn(headers: Knock["headers"]): string | null {
  const key = headers["idempotency-key"];
  if (key === undefined) return null;
  if (typeof key === "string" && /^[\x20-\x7e]{1,255}$/.test(key)) return key;
  throw new HttpError(
    422,
    "bad-idempotency-key",
    "Idempotency-Key is 1 to 255 characters of ASCII.",
  );
}

/** @throws HttpError 422 when something else was asked with the key */
function repeatedTask({ isSameBody, answer }: UsedKey): CreatedTask {
  if (!isSameBody) {
    const what = "The Idempotency-Key was used with another body.";
    throw new HttpError(422, "idempotency-key-reused", what, {
      nextStep: "Take a new key for each task.",
    });
  }
  const task = answer as CreatedTask; // why: it was kept by this file
  return { ...task, created_at: new Date(task.created_at) };
}

function hashOf(given: NewTask): Buffer {
  return createHash("sha256").update(JSON.stringify(given)).digest();
}

async function refuseUnknown(
  {
    db,
    schemas,
  }: { readonly db: Pick<ApiParts["db"], "query">; readonly schemas: ApiParts["schemas"] },
  { tasks }: Catalog,
  name: string,
): Promise<void> {
  const published = await listPublishedTasks(db, schemas);
  if (published.some((one) => one.name === name)) return;
  const here = [...tasks.values()].flatMap((task) => [task.name, ...task.aliases]);
  const meant = closestName(name, [...here, ...published.map((one) => one.name)]);
  const nextStep = meant === null ? "GET /catalog lists the tasks." : `Did you mean ${meant}?`;
  throw new HttpError(404, "unknown-task", `There is no task ${name}.`, { nextStep });
}

function optionsFrom(given: NewTask, createdBy: string | null): EnqueueOptions {
  const options: { [Name in keyof EnqueueOptions]: EnqueueOptions[Name] | null | undefined } = {
    priority: given.priority,
    runAt: given.scheduled_at,
    retry: given.retry_strategy,
    maxAttempts: given.max_attempts,
    // why: it was parsed from JSON
    metadata: given.metadata as Record<string, Json> | null | undefined,
    queue: given.queue,
    key: given.key,
    keyMode: given.key_mode,
    correlationId: given.correlation_id,
    after: given.after,
    onParentFailure: given.on_parent_failure,
    createdBy,
  };
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined && value !== null),
  );
}

async function inPlaces(
  error: unknown,
  task: Task | undefined,
  payload: unknown,
): Promise<unknown> {
  if (!(error instanceof TaskrunError) || error.code !== "bad-payload") return error;
  const issues = await payloadIssues(error, task, payload ?? {});
  const { nextStep, what } = error;
  return new HttpError(422, "bad-payload", sentence(what), {
    nextStep,
    ...(issues === null ? {} : { issues }),
  });
}
