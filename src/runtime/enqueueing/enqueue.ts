/**
 * Adds jobs. What the task's file says (priority, serial queue, attempts, schema) applies when
 * the catalog knows the task; a task that only another process has is queued as it is.
 */

import type { Catalog } from "../../core/catalog.ts";
import type { GraphileAddJobOptions } from "../../core/context.ts";
import { TaskrunError } from "../../core/errors.ts";
import type { EnqueueOptions } from "../../core/job.ts";
import type { Task } from "../../core/task.ts";
import { addPlainJobs, type PlainJob } from "../../store/plain-jobs.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { SqlRunner } from "../../store/sql-runner.ts";
import { checkName, type PreparedJob, prepareJob } from "./prepare-job.ts";
import { refusedJob } from "./refused-job.ts";

export interface EnqueuerOptions {
  readonly db: SqlRunner;
  readonly schemas: Schemas;
  /** The tasks known here, by name or alias. */
  readonly findTask: (name: string) => Task | undefined | Promise<Task | undefined>;
  /** Adds one plain job; resolves with its id. Default: by a statement of its own on `db`. */
  readonly addPlain?: (job: PlainJob) => Promise<string>;
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

export function createEnqueuer(options: EnqueuerOptions): Enqueuer {
  const { db, schemas, findTask } = options;
  const addPlain =
    options.addPlain ?? (async (job) => idOf((await addPlainJobs(db, schemas, [job]))[0]));
  return {
    async enqueue(name, payload, options = {}) {
      checkName(name);
      const job = await prepareJob(await findTask(name), { name, payload, options });
      try {
        return { id: await (job.isPlain ? addPlain(job) : addOne(db, schemas, job)) };
      } catch (error) {
        throw refusedJob(error, "one");
      }
    },
    async enqueueMany(jobs) {
      if (jobs.length === 0) return [];
      const prepared = await prepareAll(jobs, findTask);
      const add = prepared.every(({ isPlain }) => isPlain) ? addPlainJobs : addMany;
      const ids = await add(db, schemas, prepared).catch((error) =>
        Promise.reject(refusedJob(error, "list")),
      );
      return ids.map((id) => ({ id }));
    },
  };
}

/** The tasks of a catalog by name and alias. */
export function taskFinder(catalog: Catalog): (name: string) => Task | undefined {
  const byAlias = new Map<string, Task>();
  for (const task of catalog.tasks.values()) {
    for (const alias of task.aliases) byAlias.set(alias, task);
  }
  return (name) => catalog.tasks.get(name) ?? byAlias.get(name);
}

async function prepareAll(
  jobs: readonly JobToEnqueue[],
  findTask: EnqueuerOptions["findTask"],
): Promise<PreparedJob[]> {
  const found = new Map<string, Task | undefined>();
  const prepared: PreparedJob[] = [];
  for (const [index, { task: name, payload, ...options }] of jobs.entries()) {
    try {
      if (!found.has(name)) {
        checkName(name);
        found.set(name, await findTask(name));
      }
      const job = prepareJob(found.get(name), { name, payload, options });
      // Waiting for what is there already would cost more than all the rest.
      prepared.push("then" in job ? await job : job);
    } catch (error) {
      throw inList(error, index);
    }
  }
  return prepared;
}

/** As text first: some drivers would make JSON of a parameter that is JSON already. */
async function addOne(db: SqlRunner, { own }: Schemas, job: PreparedJob): Promise<string> {
  const { rows } = await db.query(
    `select ${own}.add_job($1, $2::text::jsonb, $3::text::jsonb)::text as id`,
    [job.name, job.payloadJson, job.optionsJson],
  );
  return idOf(rows[0]?.id);
}

async function addMany(db: SqlRunner, { own }: Schemas, jobs: readonly PreparedJob[]) {
  const list = jobs.map(
    ({ name, payloadJson, optionsJson }) =>
      `{"task":${JSON.stringify(name)},"payload":${payloadJson},"options":${optionsJson}}`,
  );
  const { rows } = await db.query(
    `select id::text from ${own}.add_jobs($1::text::jsonb)
      with ordinality as added (id, place) order by place`,
    [`[${list.join(",")}]`],
  );
  return rows.map(({ id }) => idOf(id));
}

function idOf(id: unknown): string {
  if (typeof id === "string") return id;
  throw new TaskrunError("bad-transaction", "The statement that adds a job returned no id");
}

function inList(error: unknown, index: number): unknown {
  if (!(error instanceof TaskrunError)) return error;
  const { code, nextStep, what } = error;
  return new TaskrunError(code, `jobs[${index}]: ${what}`, { nextStep, cause: error });
}
