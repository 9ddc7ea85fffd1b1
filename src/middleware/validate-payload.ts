/**
 * Parses the payload by the task's schema before the handler sees it, and checks what the
 * handler returned before it is kept. A payload that breaks its schema never gets better by
 * waiting, nor does an output: both are permanent (the payload unless `classify` objects).
 */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Layer, Run } from "../core/compose.ts";
import { isDirective } from "../core/outcome.ts";
import { isPromiseLike } from "../core/promise-like.ts";
import { unwrapResult } from "../core/result.ts";
import type { RunningAttempt } from "../core/running-attempt.ts";
import { formatIssues } from "../core/schema-issues.ts";
import { InvalidOutputError, PayloadSchemaError } from "../core/task-errors.ts";

type Checked = StandardSchemaV1.Result<unknown>;

export function validatePayload(
  payloadSchema: StandardSchemaV1 | null,
  outputSchema: StandardSchemaV1 | null,
): Layer {
  return function validate(attempt, next) {
    if (payloadSchema === null) return checkOutput(next(attempt), outputSchema);
    const checked = payloadSchema["~standard"].validate(attempt.payload);
    if (!isPromiseLike(checked)) return runParsed(attempt, next, checked, outputSchema);
    return checked.then((settled) => runParsed(attempt, next, settled, outputSchema));
  };
}

function runParsed(
  attempt: RunningAttempt,
  next: Run,
  checked: Checked,
  outputSchema: StandardSchemaV1 | null,
): unknown {
  if (checked.issues !== undefined) {
    throw new PayloadSchemaError(`the payload is invalid: ${formatIssues(checked.issues)}`);
  }
  // An asynchronous schema may outlast the attempt: its handler must not start then.
  if (attempt.stopReason !== null) throw attempt.stopReason;
  attempt.payload = checked.value;
  return checkOutput(next(attempt), outputSchema);
}

function checkOutput(result: unknown, schema: StandardSchemaV1 | null): unknown {
  if (schema === null) return result;
  if (isPromiseLike(result)) return result.then((settled) => checkOutput(settled, schema));
  const output = unwrapResult(result);
  if (isDirective(output)) return output;
  const checked = schema["~standard"].validate(output);
  return isPromiseLike(checked) ? checked.then(parsedOutput) : parsedOutput(checked);
}

function parsedOutput(checked: Checked): unknown {
  if (checked.issues === undefined) return checked.value;
  throw new InvalidOutputError(`the output is invalid: ${formatIssues(checked.issues)}`);
}
