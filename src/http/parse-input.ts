/** Checks what was sent by a zod schema; every fault is told with its path. */

import { z } from "zod";
import { closestName } from "../core/closest-name.ts";
import { formatPath, shortIssue } from "../core/schema-issues.ts";
import { HttpError, type RequestIssue } from "./http-error.ts";

/** Which part of the request; the body's faults have paths like "$.payload.to". */
export type InputPart = "body" | "query";

/** So many faults of one request are told. */
export const mostTold = 100;

/** @throws HttpError 422 for a body, 400 for a query */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  part: InputPart,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.flatMap((issue) => issuesOf(issue, schema, part));
  throw refusedInput(issues, part);
}

export function refusedInput(issues: readonly RequestIssue[], part: InputPart): HttpError {
  const [first] = issues;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  const what = first === undefined ? "" : ` ${first.path}: ${first.message}${more}.`;
  const [status, code] = part === "body" ? [422, "bad-body"] : [400, "bad-query"];
  return new HttpError(status, code, `The ${part} is wrong.${what}`, {
    issues: issues.slice(0, mostTold),
  });
}

function issuesOf(issue: z.core.$ZodIssue, schema: z.ZodType, part: InputPart): RequestIssue[] {
  if (issue.code !== "unrecognized_keys") {
    return [{ path: pathOf(issue.path, part), message: shortIssue(issue.message) }];
  }
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  return issue.keys.map((key, index) => {
    // Not for those that are only counted: a body may have very many.
    const mayHint = issue.path.length === 0 && index < mostTold;
    const meant = mayHint ? closestName(key, known) : null;
    const hint = meant === null ? "" : `, did you mean ${meant}?`;
    return { path: pathOf([...issue.path, key], part), message: `unknown field${hint}` };
  });
}

function pathOf(path: readonly PropertyKey[], part: InputPart): string {
  const text = formatPath(path);
  return part === "body" ? text : text.replace(/^\$/, "query");
}
