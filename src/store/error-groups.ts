/** Failed jobs by what made them fail: one group for each fault, however many jobs it hit. */

import type pg from "pg";
import { userFrame } from "../core/error-fingerprint.ts";
import { inSnapshot } from "./in-snapshot.ts";
import { type CountedFault, countFaults, listFaultJobs } from "./queue/count-faults.ts";
import {
  type FailedJob,
  type FailureFilter,
  listUnnamedFailures,
} from "./queue/list-unnamed-failures.ts";
import { fingerprintOf, unnamedJobsOf } from "./queue/name-failures.ts";
import type { Schemas } from "./schemas.ts";

type Db = Pick<pg.Pool, "query">;

export interface ErrorGroup {
  readonly fingerprint: string;
  readonly task: string;
  readonly error_name: string | null;
  /** The newest job's. */
  readonly error_message: string;
  /** Function and file of the topmost frame in the task's code. */
  readonly frame: string | null;
  readonly count: number;
  readonly first_seen: Date;
  readonly last_seen: Date;
  /** The newest job. */
  readonly example_id: string;
}

export interface ErrorPage {
  /** The fault that hit last comes first. Of failures down to `searchedTo`: pages add up. */
  readonly groups: readonly ErrorGroup[];
  /** Null: all failures have been counted. */
  readonly searchedTo: { readonly cursor: string; readonly at: Date } | null;
}

export interface ErrorPageAsked extends FailureFilter {
  /** Of the page before. */
  readonly cursor?: string;
  /** Default 200. */
  readonly limit?: number;
}

/** Counts so many of the newest failures as can be counted at once. */
export function listErrorPage(
  db: pg.Pool,
  schemas: Schemas,
  asked: ErrorPageAsked = {},
): Promise<ErrorPage> {
  const { cursor, limit = 200, ...filter } = asked;
  // What gets its name between two statements would else be counted twice, or not at all.
  return inSnapshot(db, async (client) => {
    const unnamed = cursor === undefined ? await listUnnamedFailures(client, schemas, filter) : [];
    const { faults, next } = await countFaults(client, schemas, { ...asked, limit });
    const named = await describeFaults(client, schemas, faults);
    const groups = mergedGroups([...named, ...unnamed.map(groupOfOne)]);
    return { groups, searchedTo: next };
  });
}

/** All of them; the fault that hit last comes first. */
export async function listErrorGroups(
  db: pg.Pool,
  schemas: Schemas,
  filter: FailureFilter = {},
): Promise<ErrorGroup[]> {
  const groups: ErrorGroup[] = [];
  let cursor: string | undefined;
  do {
    const more = cursor === undefined ? {} : { cursor };
    const page = await listErrorPage(db, schemas, { ...filter, ...more, limit: 5_000 });
    groups.push(...page.groups);
    cursor = page.searchedTo?.cursor;
  } while (cursor !== undefined);
  return mergedGroups(groups);
}

/** The ids of the failed jobs of a group, the oldest first. */
export async function listGroupJobs(
  db: Db,
  schemas: Schemas,
  fingerprint: string,
  filter: FailureFilter = {},
): Promise<string[]> {
  const unnamed = await unnamedJobsOf(db, schemas, fingerprint, filter);
  const named = await listFaultJobs(db, schemas, fingerprint, filter);
  return [...new Set([...named, ...unnamed])].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
}

/** With the last error of each one's newest job. */
async function describeFaults(
  db: Db,
  { own }: Schemas,
  faults: readonly CountedFault[],
): Promise<ErrorGroup[]> {
  if (faults.length === 0) return [];
  const { rows } = await db.query<Omit<FailedJob, "task" | "failed_at">>(
    `select h.job_id::text as id, a.error_name,
       coalesce(a.error_message, h.error, 'no error was kept') as error_message,
       left(a.error_stack, 4000) as error_stack
     from ${own}.history h
     left join lateral (
       select error_name, error_message, error_stack from ${own}.attempts a
       where a.job_id = h.job_id order by a.finished_at desc limit 1) a on true
     where h.job_id = any ($1::bigint[])`,
    [faults.map(({ example_id }) => example_id)],
  );
  const errors = new Map(rows.map((row) => [row.id, row]));
  return faults.map((fault): ErrorGroup => {
    const error = errors.get(fault.example_id);
    return {
      ...fault,
      error_name: error?.error_name ?? null,
      // Gone since it was counted.
      error_message: error?.error_message ?? "no error was kept",
      frame: userFrame(error?.error_stack ?? null),
    };
  });
}

function groupOfOne(failed: FailedJob): ErrorGroup {
  const { id, task, failed_at, error_name, error_message, error_stack } = failed;
  return {
    fingerprint: fingerprintOf(failed),
    task,
    error_name,
    error_message,
    frame: userFrame(error_stack),
    count: 1,
    first_seen: failed_at,
    last_seen: failed_at,
    example_id: id,
  };
}

/** Each fault once; the newest one's words hold. */
function mergedGroups(groups: readonly ErrorGroup[]): ErrorGroup[] {
  const merged = new Map<string, ErrorGroup>();
  for (const group of groups) {
    const known = merged.get(group.fingerprint);
    if (known === undefined) {
      merged.set(group.fingerprint, group);
      continue;
    }
    const newest = group.last_seen >= known.last_seen ? group : known;
    merged.set(group.fingerprint, {
      ...newest,
      count: known.count + group.count,
      first_seen: group.first_seen < known.first_seen ? group.first_seen : known.first_seen,
    });
  }
  return [...merged.values()].sort((a, b) => b.last_seen.getTime() - a.last_seen.getTime());
}
