/** The public names of the door `taskrun/testing`. */

export {
  type EnqueuedJob,
  type LogLine,
  type RunTaskOverrides,
  runTask,
  type TaskRun,
} from "./run-task.ts";
