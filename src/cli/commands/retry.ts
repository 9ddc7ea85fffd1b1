/** `taskrun retry`: makes failed and cancelled jobs due again. */

import { type RetryResult, retryJob, retryJobs } from "../../store/operations.ts";
import type { CommandArguments } from "../command-arguments.ts";
import type { ExitCode } from "../exit-codes.ts";
import { operateOnJobs } from "../operate-on-jobs.ts";

export function retry(args: CommandArguments): Promise<ExitCode> {
  return operateOnJobs<RetryResult>(args, {
    operation: "retry",
    question: "Retry",
    done: ["due"],
    goal: "completed",
    sentences: {
      due: "is due again",
      "key taken": "can't be retried: a newer job has its key",
      "secrets gone": "can't be retried: its secrets were not kept; add it again",
      running: "is running",
      completed: "has completed",
    },
    async one({ pool, schemas }, id) {
      await retryJob(pool, schemas, id);
      return "due";
    },
    many: ({ pool, schemas }, choice) => retryJobs(pool, schemas, choice),
  });
}
