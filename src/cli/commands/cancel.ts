/** `taskrun cancel`: ends jobs for good, waiting or running. */

import { userInfo } from "node:os";
import { type CancelResult, cancelJob, cancelJobs } from "../../store/operations.ts";
import type { CommandArguments } from "../command-arguments.ts";
import type { ExitCode } from "../exit-codes.ts";
import { operateOnJobs } from "../operate-on-jobs.ts";

export function cancel(args: CommandArguments): Promise<ExitCode> {
  const options = { reason: args.text("reason"), requestedBy: userName() };
  return operateOnJobs<CancelResult>(args, {
    operation: "cancel",
    question: "Cancel",
    done: ["cancelled", "cancelling"],
    goal: "cancelled",
    sentences: {
      cancelled: "is cancelled",
      cancelling: "has been told to stop",
      completed: "had completed before",
      failed: "had failed before",
    },
    one: ({ pool, schemas }, id) => cancelJob(pool, schemas, id, options),
    many: ({ pool, schemas }, choice) => cancelJobs(pool, schemas, choice, options),
  });
}

/** Undefined where the system's user has no name, as in some containers. */
function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
