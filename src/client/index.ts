/** The public names of the door `taskrun/client`. */

export type {
  CancelOptions,
  CancelResult,
  ChangedJob,
  JobChoice,
  RetryResult,
  RunNowResult,
} from "../store/operations.ts";
export type { SqlRunner } from "../store/sql-runner.ts";
export {
  type ClientOptions,
  createClient,
  type TaskrunClient,
  type WaitOptions,
} from "./create-client.ts";
export { JobWaitError } from "./job-wait-error.ts";
export type { EnqueuedJob, ImportedTask, JobId, JobSpec, TypedEnqueue } from "./typed-enqueue.ts";
