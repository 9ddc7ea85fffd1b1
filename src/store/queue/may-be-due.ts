/** Whether a job may be due, for less than it costs to fetch one. */

import type { Schemas } from "../schemas.ts";

// Jobs of tasks that the process doesn't have may stand in front, in any number.
const mostInFront = 200;

/**
 * A condition: one of the best jobs that are due is of these tasks, or so many of other tasks stand
 * in front that only a fetch can tell. `taskIds` is an expression for the queue's numbers.
 */
export function mayBeDue({ queue }: Schemas, taskIds: string): string {
  return `cardinality(${taskIds}) > 0 and (
    select count(*) = ${mostInFront} or coalesce(bool_or(task_id = any (${taskIds})), false)
    from (select task_id from ${queue}._private_jobs
      where is_available = true and run_at <= now()
      order by priority, run_at limit ${mostInFront}) near
  )`;
}
