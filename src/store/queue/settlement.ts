/**
 * What settling needs of an attempt that has ended, and what all its statements share: the fence
 * and the columns of a record.
 *
 * The fence: a row is touched only while this process still holds it for this very attempt.
 * Otherwise the job was given away meanwhile and its new owner's word counts; the outcome is
 * reported as lost and nothing is written. A job whose key was taken over while it ran
 * (graphile-worker then clears the key and uses up its attempts) is still ours to settle, but
 * not to run again. Only a job that had a key can be in that state: without asking for it, the
 * last attempt of any other job would look the same to an outcome of the attempt before.
 */

export interface Settlement {
  readonly id: string;
  readonly attempt: number;
  /** The process id in the job's lock. */
  readonly lockedBy: string;
  /** Whether the job had a key when it was fetched. */
  readonly keyed: boolean;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly progressJson: string | null;
  /** Nothing is to be kept of a job that ends so: it leaves the queue and no record. */
  readonly traceless?: boolean;
}

export interface CompletedSettlement extends Settlement {
  /** The name the job was queued under. */
  readonly task: string;
  /** Where the queue's row was when it was locked. */
  readonly place: string;
  readonly outputJson: string | null;
}

export interface OtherSettlement extends Settlement {
  readonly state: "retrying" | "snoozed" | "returned" | "cancelled" | "failed";
  readonly delayMs: number;
  readonly reason: string | null;
  /** Positions in an array payload: the job keeps these entries only. null = it keeps all. */
  readonly remaining: readonly number[] | null;
  readonly error: {
    readonly name: string;
    readonly message: string;
    readonly stack: string | null;
    readonly rule: string;
  } | null;
}

export const takenOver = "(s.keyed and j.key is null)";
export const fence = `j.locked_by = s.locked_by and (j.attempts = s.attempt or ${takenOver})`;

export const recordColumns = `job_id, task, state, payload, output, error, metadata, progress,
  attempts, max_attempts, priority, queue, key, created_at, run_at, started_at, finished_at,
  correlation_id, created_by, parent_id, process`;

const replacedColumns = recordColumns.split(",").slice(1);

// A job that had ended before (failed, then retried by hand) gets its record anew.
export const replaceRecord = `on conflict (job_id) do update set (${replacedColumns.join(",")})
  = row (${replacedColumns.map((column) => `excluded.${column.trim()}`).join(", ")})`;

/**
 * A CTE: what earlier attempts of jobs that leave no record have written goes with them. `state`
 * and `error` are expressions over the rows of `settled`.
 */
export function forgotten(own: string, settled: string, state: string, error: string): string {
  return `forgotten as (
  select ${own}.forget_traces(array_agg(id), array_agg(task_id), array_agg(${state}),
    array_agg(${error}), array_agg(attempt))
  from ${settled} where traceless having count(*) > 0
)`;
}
