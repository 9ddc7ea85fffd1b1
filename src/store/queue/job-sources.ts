/**
 * Where the jobs of a filter are looked for, as sources of ids: the queue and the history, and how
 * each is read in bounded pieces along one index. What the states mean in the queue's columns is
 * the same as in the view.
 */

import type pg from "pg";
import type { JobState } from "../../core/job.ts";
import type { JobFilter } from "../job-filter.ts";
import type { Schemas } from "../schemas.ts";
import { type EndedTimeSpan, endedTimeSpan, lowerId } from "./ended-time-span.ts";
import { unnamedJobsOf } from "./name-failures.ts";
import type { FoundIds, IdSource, PieceAsked } from "./walk-ids.ts";

type Db = Pick<pg.Pool, "query">;

const waits = "(j.locked_at is null and j.attempts < j.max_attempts)";
/** Worded as its index is. */
const isFailed = "j.locked_at is null and j.attempts >= j.max_attempts";
const isBlocked = "(d.blocked_run_at is not null and j.run_at = 'infinity')";
const hasFailedOnce = "(j.attempts > 0 and j.last_error is not null or d.ending is not null)";
const freshlyWaits = `${waits} and not ${hasFailedOnce} and ${isBlocked} is not true`;

/** What the view calls each state, as a condition on the queue's row; null = not in the queue. */
const inQueue: Readonly<Record<JobState, string | null>> = {
  running: "j.locked_at is not null",
  failed: isFailed,
  blocked: `${waits} and ${isBlocked}`,
  retrying: `${waits} and ${hasFailedOnce} and ${isBlocked} is not true`,
  scheduled: `${freshlyWaits} and j.run_at > now()`,
  pending: `${freshlyWaits} and j.run_at <= now()`,
  completed: null,
  cancelled: null,
};

const ended: ReadonlySet<JobState> = new Set(["completed", "failed", "cancelled"]);

/** One way of reading: rows of a table, newest first, of which some are meant. */
interface Reading {
  /** With the joins that the conditions need. */
  readonly from: string;
  /** What the pieces are counted in, and whose index is walked. */
  readonly walked: string;
  /** Of the walked table. */
  readonly id: string;
  /** The index leads to these; all other rows are never read. */
  readonly narrow: readonly string[];
  readonly conditions: readonly string[];
  readonly values: readonly unknown[];
  /** No id from this one on matches. Null = not known. */
  readonly below: string | null;
  /** So few rows, found by an index without the order of ids, that one piece takes them all. */
  readonly isSmall: boolean;
}

export async function jobSources(db: Db, schemas: Schemas, filter: JobFilter): Promise<IdSource[]> {
  // The queue first: a job that ends meanwhile is in the history then.
  const { ids, since, until, fingerprint } = filter;
  const hasTime = since !== undefined || until !== undefined;
  const span = hasTime && ids === undefined ? await endedTimeSpan(db, schemas, filter) : null;
  const readings = [
    // The failures that have been named are those with a record.
    ...(fingerprint === undefined ? [readingOfQueue(schemas, filter, span)] : []),
    readingOfHistory(schemas, filter, span),
    ...(fingerprint === undefined ? [] : await readingsOfUnnamed(db, schemas, filter, fingerprint)),
  ].filter((reading) => reading !== null);
  return readings.map((reading) => (piece) => readPiece(db, reading, piece));
}

/** Few, and by their ids. */
async function readingsOfUnnamed(
  db: Db,
  schemas: Schemas,
  { fingerprint: _, ids: chosen, ...filter }: JobFilter,
  fingerprint: string,
): Promise<(Reading | null)[]> {
  const unnamed = await unnamedJobsOf(db, schemas, fingerprint, {});
  const ids = chosen === undefined ? unnamed : unnamed.filter((id) => chosen.includes(id));
  if (ids.length === 0) return [];
  const of: JobFilter = { ...filter, ids };
  return [readingOfQueue(schemas, of, null), readingOfHistory(schemas, of, null)];
}

async function readPiece(db: Db, reading: Reading, piece: PieceAsked): Promise<FoundIds> {
  const { values, below, isSmall } = reading;
  const before = lowerId(piece.before, below);
  const text = isSmall ? smallStatement(reading) : pieceStatement(reading);
  const { rows } = await db.query<FoundIds>(text, [
    before,
    piece.limit,
    ...(isSmall ? [] : [piece.rows]),
    ...values,
  ]);
  return rows[0] ?? { ids: [], floor: "0" };
}

/** Looks at no row beyond the piece's last one, whatever the conditions. */
function pieceStatement({ from, walked, id, narrow, conditions }: Reading): string {
  const before = `($1::bigint is null or ${id} < $1)`;
  return `
with floor as materialized (
  select ${id} as id from ${walked} where ${[before, ...narrow].join(" and ")}
  order by ${id} desc offset $3::int - 1 limit 1
)
select coalesce((select id from floor), 0)::text as floor,
  array(select ${id}::text from ${from}
    where ${[before, `${id} >= coalesce((select id from floor), 0)`, ...narrow, ...conditions].join("\n      and ")}
    order by ${id} desc limit $2) as ids`;
}

/** All of them at once: sorted, since the index that finds them has another order. */
function smallStatement({ from, id, narrow, conditions }: Reading): string {
  return `
with matching as materialized (
  select ${id} as id from ${from}
  where ${[`($1::bigint is null or ${id} < $1)`, ...narrow, ...conditions].join("\n    and ")}
)
select '0' as floor,
  array(select id::text from matching m order by m.id desc limit $2) as ids`;
}

class Binder {
  readonly values: unknown[] = [];
  readonly #from: number;

  /** Of the parameters before. */
  constructor(from: number) {
    this.#from = from;
  }

  readonly bind = (value: unknown): string => `$${this.#from + this.values.push(value)}`;
}

/** All that have no record: those that have not ended, and what plain processes let fail. */
function readingOfQueue(
  { queue, own }: Schemas,
  filter: JobFilter,
  span: EndedTimeSpan | null,
): Reading | null {
  const { state, task, correlationId, ids } = filter;
  const inState = state === undefined ? "true" : inQueue[state];
  if (inState === null) return null;
  const { values, bind } = new Binder(ids === undefined ? 3 : 2);
  const isOfDetails = correlationId !== undefined;
  const narrow = [
    ...(isOfDetails ? [`d.correlation_id = ${bind(correlationId)}`] : []),
    ...(state === "failed" && !isOfDetails ? [isFailed] : []),
    ...(ids === undefined ? [] : [`j.id = any (${bind(ids)}::bigint[])`]),
  ];
  const conditions = [
    inState,
    ...(state === undefined || state === "failed"
      ? [
          `(not (${isFailed})
          or (select true from ${own}.history h where h.job_id = j.id) is null)`,
        ]
      : []),
    ...timeConditions(filter, bind, "j.created_at"),
    ...payloadConditions(filter, bind, shownPayload("j.payload", own)),
    ...(task === undefined
      ? []
      : [
          `j.task_id = (select t.id from ${queue}._private_tasks t
          where t.identifier = ${bind(task)})`,
        ]),
    ...(filter.queue === undefined
      ? []
      : [
          `j.job_queue_id = (select q.id from ${queue}._private_job_queues q
          where q.queue_name = ${bind(filter.queue)})`,
        ]),
  ];
  const jobs = `${queue}._private_jobs j`;
  const details = `${own}.job_details d`;
  const known = `join ${queue}._private_tasks t on t.id = j.task_id
    left join ${own}.tasks known on known.name = t.identifier`;
  const from = [
    isOfDetails ? `${details} join ${jobs} on j.id = d.job_id` : jobs,
    ...(!isOfDetails && /\bd\./.test(inState) ? [`left join ${details} on d.job_id = j.id`] : []),
    ...(filter.payload?.length ? [known] : []),
  ].join(" ");
  return {
    from,
    walked: isOfDetails ? details : jobs,
    id: isOfDetails ? "d.job_id" : "j.id",
    narrow,
    conditions,
    values,
    below: span?.below ?? null,
    isSmall: ids !== undefined,
  };
}

/** Every record, also of failed jobs that the queue still has, but not of those that run again. */
function readingOfHistory(
  { queue, own }: Schemas,
  filter: JobFilter,
  span: EndedTimeSpan | null,
): Reading | null {
  const { state, task, correlationId, ids, fingerprint } = filter;
  if (state !== undefined && !ended.has(state)) return null;
  const isSmall = ids !== undefined || span?.isSmall === true;
  const { values, bind } = new Binder(isSmall ? 2 : 3);
  const chosen: readonly (readonly [unknown, () => string])[] = [
    [fingerprint, () => `f.fingerprint = ${bind(fingerprint)}`],
    [ids, () => `h.job_id = any (${bind(ids)}::bigint[])`],
    [correlationId, () => `h.correlation_id = ${bind(correlationId)}`],
    [filter.queue, () => `h.queue = ${bind(filter.queue)}`],
    [state, () => (state === "completed" ? "h.state = 'completed'" : "h.state <> 'completed'")],
    [task, () => `h.task = ${bind(task)}`],
  ];
  const given = chosen.filter(([value]) => value !== undefined).map(([, text]) => text());
  // The first one decides the index, unless only most records have it.
  const isNarrow = given.length > 0 && !isSmall && firstIsNarrow(filter);
  const conditions = [
    ...given.slice(isNarrow ? 1 : 0),
    ...(state === undefined ? [] : [`h.state = '${state}'`]),
    ...timeConditions(filter, bind, "h.finished_at"),
    ...payloadConditions(filter, bind, shownPayload("h.payload", own)),
    `(select j.attempts < j.max_attempts or j.locked_at is not null
      from ${queue}._private_jobs j where j.id = h.job_id) is not true`,
  ];
  const known = `left join ${own}.tasks known on known.name = h.task`;
  const ofFault = fingerprint !== undefined;
  return {
    from: `${ofFault ? `${own}.failures f join ${own}.history h on h.job_id = f.job_id` : `${own}.history h`}
      ${filter.payload?.length ? known : ""}`,
    walked: ofFault ? `${own}.failures f` : `${own}.history h`,
    id: ofFault ? "f.job_id" : "h.job_id",
    narrow: isNarrow ? given.slice(0, 1) : [],
    conditions,
    values,
    below: isSmall ? null : (span?.below ?? null),
    isSmall,
  };
}

/** Whether an index in the order of the ids has only what the first choice means. */
function firstIsNarrow({ fingerprint, correlationId, queue, state }: JobFilter): boolean {
  return (
    fingerprint !== undefined ||
    correlationId !== undefined ||
    queue !== undefined ||
    (state !== undefined && state !== "completed")
  );
}

function timeConditions(
  { since, until }: JobFilter,
  bind: Binder["bind"],
  column: string,
): string[] {
  return [
    ...(since === undefined ? [] : [`${column} >= ${bind(since)}::timestamptz`]),
    ...(until === undefined ? [] : [`${column} < ${bind(until)}::timestamptz`]),
  ];
}

function payloadConditions({ payload }: JobFilter, bind: Binder["bind"], shown: string): string[] {
  return (payload ?? []).map(
    ({ path, value }) => `${shown} #>> ${bind(path)}::text[] = ${bind(value)}`,
  );
}

/**
 * As the view shows it: whoever may look must not find a secret by guessing. Postgres can't read a
 * text with a NUL or half a character out of json as it is.
 */
function shownPayload(column: string, own: string): string {
  return `(case
    when known.secrets is not null
      then ${own}.mask_json(${column}, known.secrets -> 'payload')::json
    when ${column}::text like '%\\\\u%' then ${own}.as_jsonb(${column})::json
    else ${column}::json end)`;
}
