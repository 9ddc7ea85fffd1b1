/** Shows a payload that has not been queued yet, such as a crontab's: without its secrets. */

import { maskAt } from "./mask.ts";
import type { Task } from "./task.ts";

/** A copy in which the task's secrets are masked; the payload itself when it has none. */
export function maskedPayload<Payload>(task: Task | undefined, payload: Payload): Payload {
  const secrets = task?.secrets?.payload ?? [];
  // why: masking keeps the payload's form; only what is secret becomes another text
  return secrets.length === 0 ? payload : (maskAt(payload, secrets) as Payload);
}
