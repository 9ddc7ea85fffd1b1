/** Reads jobs and attempts for people: the rows of the `jobs` view. */

import type pg from "pg";
import type { JobState } from "../core/job.ts";
import { inSnapshot } from "./in-snapshot.ts";
import type { JobFilter } from "./job-filter.ts";
import { listJobIds } from "./queue/list-job-ids.ts";
import type { Schemas } from "./schemas.ts";
import type { SqlRunner } from "./sql-runner.ts";

/** A row of the view `taskrun.jobs`; column names are what users of the view rely on. */
export interface JobRow {
  readonly id: string;
  readonly task: string;
  readonly state: JobState;
  readonly priority: number;
  readonly queue: string | null;
  readonly key: string | null;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly payload: unknown;
  readonly output: unknown;
  readonly metadata: unknown;
  readonly error: string | null;
  readonly created_at: Date;
  readonly run_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly correlation_id: string | null;
  readonly created_by: string | null;
  readonly parent_id: string | null;
  readonly process: string | null;
  readonly progress: unknown;
}

/** A row of the table `taskrun.attempts`: an attempt that failed. */
export interface AttemptRow {
  readonly attempt: number;
  readonly state: string;
  readonly error_name: string | null;
  readonly error_message: string | null;
  readonly error_stack: string | null;
  readonly rule: string | null;
  readonly started_at: Date | null;
  readonly finished_at: Date;
  readonly next_run_at: Date | null;
  readonly process: string | null;
}

/** How far a list came in the time that it had. */
export interface SearchedTo {
  /** Go on before this id. */
  readonly before: string;
  /** When that job was added; null when it has gone. */
  readonly at: Date | null;
}

export interface JobPage {
  /** Newest first. */
  readonly jobs: readonly JobRow[];
  /** Null: there are as many as the filter's limit says, or there are no more. */
  readonly searchedTo: SearchedTo | null;
}

/** All that a filter matches, up to its limit, however long that takes; newest first. */
export async function listJobs(
  db: pg.Pool,
  schemas: Schemas,
  filter: JobFilter = {},
): Promise<JobRow[]> {
  const { jobs } = await listJobPage(db, schemas, filter, { budgetMs: Number.POSITIVE_INFINITY });
  return [...jobs];
}

/** What is found in that time; a filter that matches little may need several such pages. */
export function listJobPage(
  db: pg.Pool,
  { own, ...schemas }: Schemas,
  filter: JobFilter,
  { budgetMs }: { readonly budgetMs: number },
): Promise<JobPage> {
  // A job that ends between two statements would else be in neither of them.
  return inSnapshot(db, async (client) => {
    const { ids, searchedTo } = await listJobIds(client, { own, ...schemas }, filter, budgetMs);
    const { rows: jobs } =
      ids.length === 0
        ? { rows: [] }
        : await client.query<JobRow>(
            `select * from ${own}.jobs where id = any ($1::bigint[]) order by id desc`,
            [ids],
          );
    if (searchedTo === null) return { jobs, searchedTo };
    const { rows } = await client.query<Pick<JobRow, "created_at">>(
      `select created_at from ${own}.jobs where id = $1`,
      [searchedTo],
    );
    return { jobs, searchedTo: { before: searchedTo, at: rows[0]?.created_at ?? null } };
  });
}

export async function getJob(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  id: string,
): Promise<JobRow | null> {
  const { rows } = await db.query<JobRow>(`select * from ${schemas.own}.jobs where id = $1`, [id]);
  return rows[0] ?? null;
}

/** What somebody who waits for a job's end wants to know. */
export type JobEnd = Pick<JobRow, "task" | "state" | "output" | "error" | "attempts">;

/** Reads one row by its id; cheap enough to ask again and again. */
export async function getJobEnd(
  db: SqlRunner,
  schemas: Schemas,
  id: string,
): Promise<JobEnd | null> {
  const { rows } = await db.query(
    `select task, state, output, error, attempts from ${schemas.own}.jobs where id = $1
     union all
     -- Of some jobs no more is kept than this, and not for long.
     select task, state, null, error, attempts from ${schemas.own}.forgotten_jobs
     where job_id = $1`,
    [id],
  );
  // why: the statement names the columns
  return (rows[0] as unknown as JobEnd | undefined) ?? null;
}

/** A job's failed attempts, first one first. */
export async function listAttempts(
  db: pg.Pool,
  schemas: Schemas,
  id: string,
): Promise<AttemptRow[]> {
  const { rows } = await db.query<AttemptRow>(
    `select attempt, state, error_name, error_message, error_stack, rule, started_at,
       finished_at, next_run_at, process
     from ${schemas.own}.attempts where job_id = $1 order by finished_at, attempt`,
    [id],
  );
  return rows;
}
