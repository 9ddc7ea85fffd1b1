/**
 * The database's word on a job that it doesn't take, said as our own: a payload of a task whose
 * schema wasn't at hand here, checked in SQL by what a running process has published, or an
 * option that only SQL can read.
 */

import { errorChain, readProperty } from "../../core/error-chain.ts";
import { TaskrunError } from "../../core/errors.ts";

/** check_violation, as `check_payload` in the database raises it. */
const refusedPayload = "23514";
const saidOfPayload = /^taskrun\.add_jobs?: (?:job (\d+) of the list: )?the payload (.+)$/s;

/**
 * invalid_parameter_value, as the functions that read an option raise it. What makes a job wait
 * for others serves a handler's `ctx.waitFor`, too, and so names no function.
 */
const refusedOption = "22023";
const saidOfOption = /^taskrun(?:\.add_jobs?)?: (?:job (\d+) of the list: )?(.+)$/s;

type Asked = "one" | "list";

/**
 * `bad-payload` or `bad-enqueue-option` when that is what `error` means; else the error. `of` a
 * "list", a message says which job of it.
 */
export function refusedJob(error: unknown, of: Asked): unknown {
  for (const each of errorChain(error)) {
    const [code, message] = [readProperty(each, "code"), readProperty(each, "message")];
    if (typeof message !== "string") continue;
    const ours =
      code === refusedPayload
        ? ofPayload(message, error, of)
        : code === refusedOption
          ? ofOption(message, error, readProperty(each, "hint"), of)
          : null;
    if (ours !== null) return ours;
  }
  return error;
}

function ofPayload(message: string, cause: unknown, of: Asked): TaskrunError | null {
  const said = saidOfPayload.exec(message);
  if (said === null) return null;
  const [, place, what] = said;
  return new TaskrunError("bad-payload", `${whereIn(of, place)}The payload ${what}`, { cause });
}

function ofOption(message: string, cause: unknown, hint: unknown, of: Asked): TaskrunError | null {
  const said = saidOfOption.exec(message);
  if (said === null) return null;
  const [, place, what] = said;
  const nextStep = typeof hint === "string" && hint !== "" ? { nextStep: hint } : {};
  return new TaskrunError("bad-enqueue-option", `${whereIn(of, place)}${what}`, {
    ...nextStep,
    cause,
  });
}

/** Places count from 1 in SQL, where a job that was added alone may have one, too. */
function whereIn(of: Asked, place: string | undefined): string {
  return place === undefined || of === "one" ? "" : `jobs[${Number(place) - 1}]: `;
}
