/**
 * The database's word on a payload, said as our own: of a task whose schema wasn't at hand here,
 * checked in SQL by what a running process has published.
 */

import { errorChain, readProperty } from "../../core/error-chain.ts";
import { TaskrunError } from "../../core/errors.ts";

/** check_violation, as `check_payload` in the database raises it. */
const refusedCode = "23514";
const saidBy = /^taskrun\.add_jobs?: (?:job (\d+) of the list: )?the payload (.+)$/s;

/** `bad-payload` when that is what `error` means; else the error as it is. */
export function refusedPayload(error: unknown): unknown {
  for (const each of errorChain(error)) {
    const message = readProperty(each, "message");
    if (readProperty(each, "code") !== refusedCode || typeof message !== "string") continue;
    const said = saidBy.exec(message);
    if (said === null) continue;
    const [, place, what] = said;
    const where = place === undefined ? "" : `jobs[${Number(place) - 1}]: `;
    return new TaskrunError("bad-payload", `${where}The payload ${what}`, { cause: error });
  }
  return error;
}
