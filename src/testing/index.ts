/** The public names of the door `taskrun/testing`. */

export {
  createTestRuntime,
  type TestRuntime,
  type TestRuntimeOptions,
} from "./create-test-runtime.ts";
export {
  type EnqueuedJob,
  type LogLine,
  type RunTaskOverrides,
  runTask,
  type StepRun,
  type TaskRun,
} from "./run-task.ts";
