/**
 * Takes the one job that a breaker lets through, for the whole fleet. The job is picked and the
 * breaker claimed in one statement: who picks a job but comes too late for the claim leaves the
 * job as it was, and where there is no job nobody claims anything.
 *
 * A claim is a lease. Its owner renews it while the job runs; if it dies, the next one may claim.
 */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";
import { type GatedRequest, gatedValues, lockQueues, pickGated } from "./fetch-gated.ts";
import type { QueueJob } from "./queue-job.ts";
import { asText, takePicked, toJobs } from "./take-picked.ts";

export interface CanaryRequest
  extends Pick<GatedRequest, "processId" | "taskNames" | "pausedQueues"> {
  /** The breaker's task. `taskNames` are its names. */
  readonly task: string;
  readonly leaseMs: number;
}

/** The best due job of the task, if its breaker lets one through and nobody else was faster. */
export async function fetchCanary(
  db: pg.Pool,
  schemas: Schemas,
  request: CanaryRequest,
): Promise<QueueJob | null> {
  const { queue, own, controlChannel } = schemas;
  const text = `${pickGated(queue, { byTask: false })},
claimed as (
  update ${own}.breakers b set state = 'half_open', canary_process = $1::text,
    successes = case b.state when 'half_open' then b.successes else 0 end,
    canary_until = now() + $10::float8 * interval '1 millisecond', changed_at = now()
  where b.task = $9::text and exists (select 1 from picked)
    and case b.state when 'open' then b.open_until <= now()
      when 'half_open' then b.canary_process is null or b.canary_until <= now() else false end
  returning b.task
),
told as (
  select pg_notify($11::text, '{"kind":"gates"}') from claimed
),
allowed as materialized (
  select picked.* from claimed cross join picked
),
${lockQueues(queue, "allowed")}
${takePicked(queue, own, "allowed")}, (select count(*) from told)`;
  const lane = { taskIds: [...request.taskNames.keys()], slots: 1 };
  const gated = { ...request, open: [], lanes: [lane], limit: 1, byTask: false };
  const values = [...gatedValues(gated), request.task, request.leaseMs, controlChannel];
  const name = "taskrun fetch canary";
  const { rows } = await db.query({ name, text, values, rowMode: "array", types: asText });
  return toJobs(rows, request)[0] ?? null;
}
