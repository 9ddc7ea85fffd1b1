/**
 * One attempt, from (task, job) to its Outcome. No SQL and no decision of its own: the layers
 * around the handler are listed in `middleware/default-stack`, each in a file of its own.
 */

import { compose, type Run } from "../../core/compose.ts";
import { oncePer } from "../../core/once-per.ts";
import type { Outcome } from "../../core/outcome.ts";
import type { RunningAttempt } from "../../core/running-attempt.ts";
import type { Task } from "../../core/task.ts";
import { defaultStack } from "../../middleware/default-stack.ts";
import { endJob } from "../steps/end-job.ts";
import type { Attempt } from "./attempt.ts";

/** Runs the attempt to its end and says how it ended. Never rejects. */
export function executeAttempt(attempt: Attempt): Promise<Outcome> {
  if (attempt.decided !== null) return Promise.resolve(attempt.decided);
  attempt.startedAtMs = Date.now();
  const { origins } = attempt.services;
  return Promise.resolve(origins === undefined ? runAll(attempt) : origins.run(attempt, runAll));
}

function runAll(attempt: Attempt): Outcome | Promise<Outcome> {
  // why: classify-errors, in every stack, makes an Outcome of whatever comes
  return runOf(attempt.task)(attempt) as Outcome | Promise<Outcome>;
}

const runOf = oncePer((task: Task): Run => compose(defaultStack(task, endJob()), callHandler));

function callHandler(running: RunningAttempt): unknown {
  const attempt = running as Attempt; // why: execute-attempt is given nothing else
  const { task } = attempt;
  if (task.policies.isolate !== null) {
    const { isolation } = attempt.services;
    if (isolation?.isolates(task) === true) return isolation.run(attempt);
  }
  return task.handler(attempt.payload, attempt.ctx);
}
