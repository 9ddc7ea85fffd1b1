/**
 * Adds jobs. What the task's file says (priority, serial queue, attempts, schema) applies when
 * the catalog knows the task; a task that only another process has is queued as it is.
 */

import type { Catalog } from "../../core/catalog.ts";
import type { GraphileAddJobOptions } from "../../core/context.ts";
import { TaskrunError } from "../../core/errors.ts";
import type { EnqueueOptions } from "../../core/job.ts";
import { faultOfText, toPayloadJson } from "../../core/payload-json.ts";
import { formatIssues, withoutSecrets } from "../../core/schema-issues.ts";
import type { Task } from "../../core/task.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { SqlRunner } from "../../store/sql-runner.ts";
import { columnsFor } from "./columns-for.ts";
import { refusedJob } from "./refused-job.ts";

/** Of graphile-worker's column. */
const longestName = 128;

export interface EnqueuerOptions {
  readonly db: SqlRunner;
  readonly schemas: Schemas;
  /** The tasks known here, by name or alias. */
  readonly findTask: (name: string) => Task | undefined | Promise<Task | undefined>;
}

export interface JobToEnqueue extends EnqueueOptions {
  readonly task: string;
  /** Default: {}. */
  readonly payload?: unknown;
}

export interface Enqueuer {
  /**
   * Queues one job.
   *
   * @throws TaskrunError `bad-payload` when the task's schema refuses the payload, and
   *   `bad-enqueue-option` for an option that is out of range.
   */
  enqueue(
    task: string,
    payload?: unknown,
    options?: EnqueueOptions & GraphileAddJobOptions,
  ): Promise<{ id: string }>;
  /**
   * Queues all of the jobs or none, in one statement; returns them in the order given.
   *
   * @throws TaskrunError as `enqueue`; the message says which job of the list.
   */
  enqueueMany(jobs: readonly JobToEnqueue[]): Promise<{ id: string }[]>;
}

export function createEnqueuer({ db, schemas, findTask }: EnqueuerOptions): Enqueuer {
  // As text first: some drivers would make JSON of a parameter that is JSON already.
  const addOne = `select ${schemas.own}.add_job($1, $2::text::jsonb, $3::text::jsonb)::text as id`;
  const addMany = `select id::text from ${schemas.own}.add_jobs($1::text::jsonb)
    with ordinality as added (id, place) order by place`;
  const send = async (text: string, values: string[]) => {
    try {
      return await db.query(text, values);
    } catch (error) {
      throw refusedJob(error);
    }
  };
  return {
    async enqueue(name, payload, options = {}) {
      checkName(name);
      const { payloadJson, optionsJson } = await prepare(await findTask(name), name, {
        payload,
        options,
      });
      const { rows } = await send(addOne, [name, payloadJson, optionsJson]);
      return { id: idOf(rows[0]) };
    },
    async enqueueMany(jobs) {
      if (jobs.length === 0) return [];
      const texts: string[] = [];
      for (const [index, { task: name, payload, ...options }] of jobs.entries()) {
        try {
          checkName(name);
          const prepared = await prepare(await findTask(name), name, { payload, options });
          texts.push(jobJson(name, prepared));
        } catch (error) {
          throw inList(error, index);
        }
      }
      const { rows } = await send(addMany, [`[${texts.join(",")}]`]);
      return rows.map((row) => ({ id: idOf(row) }));
    },
  };
}

interface PreparedJob {
  readonly payloadJson: string;
  readonly optionsJson: string;
}

async function prepare(
  task: Task | undefined,
  name: string,
  job: { readonly payload: unknown; readonly options: EnqueueOptions & GraphileAddJobOptions },
): Promise<PreparedJob> {
  const payload = job.payload === undefined ? {} : job.payload;
  // First, so that a schema never sees a circle or ten thousand levels.
  const json = payloadJson(name, payload);
  const parsed = await parsePayload(task, name, payload);
  const options = columnsFor(task, parsed, job.options);
  return { payloadJson: json, optionsJson: JSON.stringify(options) };
}

function jobJson(name: string, { payloadJson, optionsJson }: PreparedJob): string {
  return `{"task":${JSON.stringify(name)},"payload":${payloadJson},"options":${optionsJson}}`;
}

function idOf(row: Readonly<Record<string, unknown>> | undefined): string {
  const id = row?.id;
  if (typeof id === "string") return id;
  throw new TaskrunError("bad-transaction", "The statement that adds a job returned no id");
}

function inList(error: unknown, index: number): unknown {
  if (!(error instanceof TaskrunError)) return error;
  const { code, nextStep, message } = error;
  const what = message.slice(0, -`. ${nextStep}`.length);
  return new TaskrunError(code, `jobs[${index}]: ${what}`, { nextStep, cause: error });
}

/** The tasks of a catalog by name and alias. */
export function taskFinder(catalog: Catalog): (name: string) => Task | undefined {
  const byAlias = new Map<string, Task>();
  for (const task of catalog.tasks.values()) {
    for (const alias of task.aliases) byAlias.set(alias, task);
  }
  return (name) => catalog.tasks.get(name) ?? byAlias.get(name);
}

/** As the task's handler will see it; what is queued is what was given. */
async function parsePayload(task: Task | undefined, name: string, payload: unknown) {
  const result = await task?.payloadSchema?.["~standard"].validate(payload);
  if (result === undefined) return payload;
  if (result.issues === undefined) return result.value;
  const where = formatIssues(withoutSecrets(result.issues, payload, task?.secrets ?? null));
  throw new TaskrunError("bad-payload", `The payload for ${name} is wrong at ${where}`);
}

function payloadJson(name: string, payload: unknown): string {
  const made = toPayloadJson(payload);
  if (made.ok) return made.json;
  const what = `The payload for ${name} is not JSON that can be queued: it has ${made.fault}`;
  throw new TaskrunError("bad-payload", what, { nextStep: "Send plain JSON values." });
}

/** What the queue's column takes; a driver would say it in words of its own. */
function checkName(name: unknown): void {
  const fault =
    typeof name !== "string"
      ? `got ${name === null ? "null" : typeof name}`
      : name === ""
        ? "it is empty"
        : name.length > longestName
          ? `it has ${name.length} characters`
          : faultOfText(name) && `it has ${faultOfText(name)}`;
  if (fault === null) return;
  throw new TaskrunError("bad-enqueue-option", `The task's name can't be queued: ${fault}`, {
    nextStep: `Give a name of 1 to ${longestName} characters.`,
  });
}
