/**
 * One attempt, from (task, job) to its Outcome. No SQL and no decision of its own: the layers
 * around the handler are listed in `middleware/default-stack`, each in a file of its own.
 */

import { compose, type Run } from "../core/compose.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Task } from "../core/task.ts";
import { defaultStack } from "../middleware/default-stack.ts";
import type { Attempt } from "./attempt.ts";

// Composed once per loaded version of a task, and forgotten with it.
const runs = new WeakMap<Task, Run>();

/** Runs the attempt to its end and says how it ended. Never rejects. */
export function executeAttempt(attempt: Attempt): Promise<Outcome> {
  if (attempt.decided !== null) return Promise.resolve(attempt.decided);
  attempt.startedAtMs = Date.now();
  const outcome = runOf(attempt.task)(attempt) as Outcome | Promise<Outcome>; // why: classify-errors makes an Outcome of everything
  return Promise.resolve(outcome);
}

function runOf(task: Task): Run {
  let run = runs.get(task);
  if (run === undefined) {
    run = compose(defaultStack(task), callHandler);
    runs.set(task, run);
  }
  return run;
}

const callHandler: Run = (attempt) => attempt.task.handler(attempt.payload, attempt.ctx);
