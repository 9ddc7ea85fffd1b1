/**
 * Takes due jobs while some are held back: what `fetch` does, and besides
 *
 *   lanes       tasks that may start only so many more jobs here; each has its own small pick
 *   ranked      among them, plain and serial jobs together, which are within that number
 *   and paused serial queues are left out.
 *
 * What is held back may stand in front of the jobs that are wanted, in any number. A small fetch
 * then looks task by task (`candidates`) by an index of its own, rather than through all of it; a
 * large one would read and sort too much that way, and is worth the walk.
 */

import type pg from "pg";
import { oncePer } from "../../core/once-per.ts";
import type { Schemas } from "../schemas.ts";
import type { QueueJob } from "./queue-job.ts";
import { serialHeads } from "./serial-heads.ts";
import { asText, isAmong, takePicked, toJobs } from "./take-picked.ts";

/** One task by the ids of its names. */
export interface Lane {
  readonly taskIds: readonly number[];
  /** At most so many of its jobs are fetched. */
  readonly slots: number;
}

export interface GatedRequest {
  /** What the locks will carry. */
  readonly processId: string;
  /** Of all ids, those of lanes included: the names jobs were queued under. */
  readonly taskNames: ReadonlyMap<number, string>;
  /** The ids of tasks that are only bound by `limit`. */
  readonly open: readonly number[];
  readonly lanes: readonly Lane[];
  /** Of all together. */
  readonly limit: number;
  readonly pausedQueues: readonly string[];
  /** Others' jobs may stand in front: look task by task. For small limits. */
  readonly byTask: boolean;
}

// Each time others have taken all that was looked at. They can't go on like that for long, and a
// walk past what is held back may be a long one.
const tasksLooks = 3;

/**
 * Locks at most `limit` due jobs, best first. `leftBehind`: there may be more than those that came.
 * A serial queue was passed over, since its first job is one too many of its task, and one behind
 * it may be allowed to start; or others had their hands on what was chosen.
 */
export async function fetchGatedJobs(
  db: pg.Pool,
  schemas: Schemas,
  request: GatedRequest,
): Promise<{ jobs: QueueJob[]; leftBehind: boolean }> {
  const values = gatedValues(request);
  for (let looks = 1; ; looks += 1) {
    const byTask = request.byTask && looks <= tasksLooks;
    const name = byTask ? "taskrun fetch gated by task" : "taskrun fetch gated";
    const text = (byTask ? byTaskStatement : inOrderStatement)(schemas);
    const { rows } = await db.query({ name, text, values, rowMode: "array", types: asText });
    const [first] = rows;
    // A row without a job: there was something to take, and others took it all.
    const isLate = first?.[0] === null;
    const leftBehind = first?.at(-1) === "t";
    if (!isLate) return { jobs: toJobs(rows, request), leftBehind };
    if (!byTask) return { jobs: [], leftBehind };
  }
}

export function gatedValues(request: GatedRequest): unknown[] {
  const { processId, taskNames, open, lanes, limit, pausedQueues } = request;
  const flat = lanes.flatMap(({ taskIds, slots }, lane) =>
    taskIds.map((taskId) => ({ taskId, lane, slots: Math.min(slots, limit) })),
  );
  return [
    processId,
    open,
    limit,
    flat.map(({ taskId }) => taskId),
    flat.map(({ lane }) => lane),
    flat.map(({ slots }) => slots),
    [...taskNames.keys()],
    pausedQueues,
  ];
}

/** Serial queues are locked along with the jobs that were picked of them. */
export function lockQueues(queue: string, picked = "picked"): string {
  return `queues as (
  update ${queue}._private_job_queues q set locked_by = $1::text, locked_at = now()
  from ${picked} as picked where q.id = picked.queue_id
)`;
}

// Others may be fetching the same candidates at this moment: so many are read to spare.
const spare = 50;

const candidatesTaken = `((select count(*) from unqueued) < $3::int
    and (select count(*) from candidates) = $3::int + ${spare})`;

const inOrderStatement = oncePer((schemas: Schemas) => statement(schemas, false));
const byTaskStatement = oncePer((schemas: Schemas) => statement(schemas, true));

function statement({ queue, own }: Schemas, byTask: boolean): string {
  return `${pickGated(queue, { byTask })},
${lockQueues(queue)},
taken (job_id) as (
${takePicked(queue, own)}
),
left_behind (is_so) as (
  select exists (select 1 from ranked where not fits and queue_id is not null)
    or ${byTask ? candidatesTaken : "false"}
)
select taken.*, left_behind.is_so from left_behind left join taken on true
where taken.job_id is not null or left_behind.is_so`;
}

const inOrder = `unqueued as (
  select id, priority, run_at from :queue._private_jobs
  where is_available = true and job_queue_id is null
    and run_at <= now() and ${isAmong("task_id", "$2")}
  order by priority, run_at, id
  limit $3::int
  for update skip locked
)`;

const taskByTask = `candidates as materialized (
  select job.id from unnest($2::int[]) as open (task_id)
  cross join lateral (
    select j.id, j.priority, j.run_at from :queue._private_jobs j
    where j.is_available = true and j.job_queue_id is null
      and j.task_id + 0 = open.task_id and j.run_at <= now()
    order by j.priority, j.run_at
    limit $3::int + ${spare}
  ) job
  order by job.priority, job.run_at
  limit $3::int + ${spare}
),
unqueued as (
  select j.id, j.priority, j.run_at
  from candidates join :queue._private_jobs j on j.id = candidates.id
  where j.is_available = true and j.run_at <= now()
  limit $3::int
  for update of j skip locked
)`;

/** Up to and with `picked` (id, queue_id, queue_name). */
export function pickGated(queue: string, { byTask }: { readonly byTask: boolean }): string {
  return `
with recursive
lanes as materialized (
  select * from unnest($4::int[], $5::int[], $6::int[]) as lane (task_id, lane, slots)
),
${(byTask ? taskByTask : inOrder).replaceAll(":queue", queue)},
laned as (
  select job.id, job.priority, job.run_at, lanes.lane, lanes.slots
  from lanes cross join lateral (
    select j.id, j.priority, j.run_at from ${queue}._private_jobs j
    where j.is_available = true and j.job_queue_id is null
      and j.task_id + 0 = lanes.task_id and j.run_at <= now()
    order by j.priority, j.run_at
    limit lanes.slots
    for update skip locked
  ) job
),
${serialHeads(queue, { tasks: "$7", paused: "$8" })},
queued as (
  select j.id, j.priority, j.run_at, j.task_id, heads.queue_id, heads.queue_name
  from heads join ${queue}._private_jobs j on j.id = heads.id
  where j.is_available = true and j.run_at <= now() and j.job_queue_id = heads.queue_id
  for update of j skip locked
),
ranked as materialized (
  select job.*, job.lane is null
    or row_number() over (partition by job.lane order by priority, run_at, id) <= job.slots as fits
  from (
    select id, priority, run_at, null::int as queue_id, null::text as queue_name,
      null::int as lane, null::int as slots from unqueued
    union all
    select id, priority, run_at, null, null, lane, slots from laned
    union all
    select queued.id, queued.priority, queued.run_at, queued.queue_id, queued.queue_name,
      lanes.lane, lanes.slots
    from queued left join lanes on lanes.task_id = queued.task_id
  ) job
),
picked as materialized (
  select id, queue_id, queue_name from ranked
  where fits
  order by priority, run_at
  limit $3::int
)`;
}
