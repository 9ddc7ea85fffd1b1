/**
 * The built-in middleware of an attempt, outermost first, and why in this order:
 *
 *   hold       of a task with secrets: no line shows them, from the first one on
 *   log        sees every ending, whatever made it
 *   mask       of a task with secrets: in what the undoing of its steps has added
 *   end        undoes the steps of a job that fails or is cancelled, before that is said and done
 *   mask       of a task with secrets: before anybody hears or keeps how it ended
 *   classify   makes one Outcome of whatever comes out beneath
 *   timeout    bounds everything that is not ours: schemas, middleware, the handler
 *   validate   before any of the user's code sees the payload; after it, checks the output
 *   progress   only once an attempt really runs
 *   the config's, the folders' and the task's own middleware
 *   batch      next to the handler, so that the user's middleware sees a batch's real end
 */

import { asLayer, type Layer } from "../core/compose.ts";
import type { Task } from "../core/task.ts";
import { classifyErrors } from "./classify-errors.ts";
import { enforceTimeout } from "./enforce-timeout.ts";
import { logAttempt } from "./log-attempt.ts";
import { holdSecrets, maskSecrets } from "./mask-secrets.ts";
import { settleBatch } from "./settle-batch.ts";
import { trackProgress } from "./track-progress.ts";
import { validatePayload } from "./validate-payload.ts";

/**
 * All layers around the task's handler; made once per loaded version of a task.
 *
 * @param end what has an attempt's parts at hand, and so is made elsewhere
 */
export function defaultStack(task: Task, end: Layer): readonly Layer[] {
  const checked = task.payloadSchema !== null || task.outputSchema !== null;
  const hasSecrets = task.secrets !== null;
  const mask = hasSecrets ? [maskSecrets()] : [];
  return [
    ...(hasSecrets ? [holdSecrets()] : []),
    logAttempt(),
    ...mask,
    end,
    ...mask,
    classifyErrors(),
    enforceTimeout(task.policies.timeoutMs),
    ...(checked ? [validatePayload(task.payloadSchema, task.outputSchema)] : []),
    trackProgress(),
    ...task.middleware.map(asLayer),
    settleBatch(),
  ];
}
