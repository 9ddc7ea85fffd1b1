/** All that is kept of one job, for `show`: its row, attempts, steps, relatives and last lines. */

import type pg from "pg";
import { maskedText } from "../core/secret.ts";
import { withoutSeals } from "../core/secret-seal.ts";
import { type Explanation, explainJob } from "./explain.ts";
import { type AttemptRow, getJob, type JobRow, listAttempts } from "./jobs.ts";
import { type LogRow, listLogLines } from "./logs.ts";
import type { Schemas } from "./schemas.ts";

/** A durable step of the job. */
export interface StepRow {
  readonly name: string;
  readonly state: "done" | "compensated" | "uncompensated";
  readonly compensable: boolean;
  readonly attempt: number;
  readonly result: unknown;
  readonly error: string | null;
  readonly started_at: Date;
  readonly finished_at: Date;
  readonly compensated_at: Date | null;
}

/** Another job that this one has to do with; null where nothing is kept of it any more. */
export interface RelatedJob {
  readonly id: string;
  readonly task: string | null;
  readonly state: string | null;
}

export interface JobStory {
  readonly job: JobRow;
  readonly failed_attempts: readonly AttemptRow[];
  readonly steps: readonly StepRow[];
  /** The job that enqueued it. */
  readonly parent: RelatedJob | null;
  /** Jobs that it enqueued, newest first, at most `shownRelatives`. */
  readonly children: readonly RelatedJob[];
  /** Jobs that must end before it runs. */
  readonly waits_for: readonly RelatedJob[];
  /** Jobs that wait for its end, at most `shownRelatives`. */
  readonly waited_for_by: readonly RelatedJob[];
  readonly logs: readonly LogRow[];
  /** Null when it has ended. */
  readonly explanation: Explanation | null;
}

export const shownRelatives = 20;

const ended: ReadonlySet<string> = new Set(["completed", "cancelled"]);

/** Null when there is no such job. */
export async function readJobStory(
  db: pg.Pool,
  schemas: Schemas,
  id: string,
  { logLines }: { readonly logLines: number },
): Promise<JobStory | null> {
  const job = await getJob(db, schemas, id);
  if (job === null) return null;
  const [failed_attempts, steps, relatives, logs, explanation] = await Promise.all([
    listAttempts(db, schemas, id),
    listSteps(db, schemas, id),
    listRelatives(db, schemas, job),
    listLogLines(db, schemas, id, logLines),
    ended.has(job.state) ? null : explainJob(db, schemas, id),
  ]);
  return { job, failed_attempts, steps, ...relatives, logs, explanation };
}

async function listSteps(db: pg.Pool, { own }: Schemas, id: string): Promise<StepRow[]> {
  const { rows } = await db.query<Omit<StepRow, "result"> & { result: string | null }>(
    `select name, state, compensable, attempt, error, started_at, finished_at, compensated_at,
       case when secret then to_json('${maskedText}'::text)::text else result::text end as result
     from ${own}.steps where job_id = $1 order by position`,
    [id],
  );
  return rows.map(({ result, ...step }) => {
    return { ...step, result: result === null ? null : JSON.parse(withoutSeals(result)) };
  });
}

type Relatives = Pick<JobStory, "parent" | "children" | "waits_for" | "waited_for_by">;

async function listRelatives(db: pg.Pool, { own }: Schemas, job: JobRow): Promise<Relatives> {
  const { rows } = await db.query<RelatedJob & { relation: keyof Relatives }>(
    `with related (relation, id) as (
       select 'parent', $2::bigint where $2 is not null
       union all (select 'children', job_id from ${own}.history where parent_id = $1
         order by job_id desc limit ${shownRelatives})
       union all (select 'children', job_id from ${own}.job_details where parent_id = $1
         order by job_id desc limit ${shownRelatives})
       union all (select 'waits_for', parent_id from ${own}.dependencies where job_id = $1)
       union all (select 'waited_for_by', job_id from ${own}.dependencies where parent_id = $1
         order by job_id limit ${shownRelatives})
     )
     select distinct on (relation, r.id) relation, r.id::text as id, j.task, j.state
     from related r
     -- The limit keeps Postgres from joining the whole view.
     left join lateral (
       select task, state from ${own}.jobs j where j.id = r.id limit 1) j on true
     order by relation, r.id`,
    [job.id, job.parent_id],
  );
  const of = (relation: keyof Relatives): RelatedJob[] =>
    rows
      .filter((row) => row.relation === relation)
      .map(({ id, task, state }) => ({ id, task, state }));
  return {
    parent: of("parent")[0] ?? null,
    children: of("children").reverse().slice(0, shownRelatives),
    waits_for: of("waits_for"),
    waited_for_by: of("waited_for_by"),
  };
}
