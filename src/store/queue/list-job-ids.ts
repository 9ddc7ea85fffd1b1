/**
 * Finds the newest jobs that a filter matches, without reading the others: the view is a union,
 * which Postgres would build whole before it sorts. The queue and the history are each walked
 * from their newest id on until there are enough, or the time is over.
 */

import type pg from "pg";
import type { JobFilter } from "../job-filter.ts";
import type { Schemas } from "../schemas.ts";
import { jobSources } from "./job-sources.ts";
import { type WalkedIds, walkIds } from "./walk-ids.ts";

type Db = Pick<pg.Pool, "query">;

/** As many as `limit` says, newest first. `budgetMs`: see `walkIds`. */
export async function listJobIds(
  db: Db,
  schemas: Schemas,
  filter: JobFilter,
  budgetMs: number,
): Promise<WalkedIds> {
  const { limit = 50, before = null } = filter;
  return walkIds(await jobSources(db, schemas, filter), { limit, before, budgetMs });
}
