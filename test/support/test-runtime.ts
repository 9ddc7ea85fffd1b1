/** The testing kit on this run's Postgres, and what tests of the runtime ask again and again. */

import { inject } from "vitest";
import type { ResolvedConfig } from "../../src/config/resolved-config.ts";
import { createTestRuntime, type TestRuntime } from "../../src/testing/create-test-runtime.ts";

export function testRuntime(
  tasks: Readonly<Record<string, unknown>>,
  config: Partial<ResolvedConfig> = {},
): Promise<TestRuntime> {
  return createTestRuntime({
    tasks,
    server: inject("adminDatabaseUrl"),
    owner: inject("ownerDatabaseUrl"),
    config,
  });
}

/** Adds a job by SQL alone, as a trigger would; returns its id. */
export async function addBySql(
  { db }: TestRuntime,
  task: string,
  payload: unknown = {},
  more = "",
): Promise<string> {
  const { rows } = await db.query(
    `select id from graphile_worker.add_job($1, $2::json${more && `, ${more}`})`,
    [task, JSON.stringify(payload)],
  );
  return rows[0].id;
}

/** Adds that many jobs in one call; their payloads are `{ "n": 1 }` and so on. */
export async function addManyBySql(
  { db }: Pick<TestRuntime, "db">,
  task: string,
  count: number,
): Promise<void> {
  await db.query(
    `select count(*) from graphile_worker.add_jobs((
       select array_agg(row($1, json_build_object('n', n), null, null, null, null, null, null)
         ::graphile_worker.job_spec) from generate_series(1, $2::int) n))`,
    [task, count],
  );
}

/** What a test's handlers and the test itself tell each other: a promise to be kept once. */
export interface Signal<T = void> extends PromiseWithResolvers<T> {}

export const signal = <T = void>(): Signal<T> => Promise.withResolvers<T>();

/** Locked rows in the queue: jobs and serial queues. */
export async function countLocks({ db }: TestRuntime): Promise<number> {
  const { rows } = await db.query(
    `select (select count(*) from graphile_worker._private_jobs where locked_by is not null)
      + (select count(*) from graphile_worker._private_job_queues where locked_by is not null)
      as locks`,
  );
  return Number(rows[0].locks);
}
