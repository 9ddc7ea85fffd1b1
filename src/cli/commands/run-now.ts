/** `taskrun run-now`: makes waiting jobs due. */

import { type RunNowResult, runJobNow, runJobsNow } from "../../store/operations.ts";
import type { CommandArguments } from "../command-arguments.ts";
import type { ExitCode } from "../exit-codes.ts";
import { operateOnJobs } from "../operate-on-jobs.ts";

export function runNow(args: CommandArguments): Promise<ExitCode> {
  return operateOnJobs<RunNowResult | "blocked">(args, {
    operation: "run_now",
    question: "Run",
    done: ["due", "running"],
    goal: "completed",
    sentences: {
      due: "is due",
      running: "is running",
      blocked: "waits for other jobs",
      completed: "has completed",
      failed: "has failed: `taskrun retry` runs it again",
      cancelled: "was cancelled: `taskrun retry` runs it again",
    },
    one: ({ pool, schemas }, id) => runJobNow(pool, schemas, id),
    many: ({ pool, schemas }, choice) => runJobsNow(pool, schemas, choice),
  });
}
