/** Of a payload that was refused: what is wrong with it, each fault with its path. */

import { readProperty } from "../core/error-chain.ts";
import type { TaskrunError } from "../core/errors.ts";
import { formatPath, shortIssue, withoutSecrets } from "../core/schema-issues.ts";
import type { Task } from "../core/task.ts";
import type { RequestIssue } from "./http-error.ts";
import { mostTold } from "./parse-input.ts";

/** Null when that can't be told, as of a payload that Postgres can't store. */
export async function payloadIssues(
  error: TaskrunError,
  task: Task | undefined,
  payload: unknown,
): Promise<RequestIssue[] | null> {
  const told = issuesOfDatabase(readProperty(error.cause, "detail"));
  if (told !== null) return told;
  const result = await task?.payloadSchema?.["~standard"].validate(payload);
  if (result?.issues === undefined) return null;
  const issues = withoutSecrets(result.issues, payload, task?.secrets ?? null);
  return issues.slice(0, mostTold).map(({ path = [], message }) => ({
    path: formatPath(["payload", ...path]),
    message: shortIssue(message),
  }));
}

/** The database checks by what was published, and says what it found as JSON. */
function issuesOfDatabase(detail: unknown): RequestIssue[] | null {
  if (typeof detail !== "string") return null;
  try {
    const issues: unknown = JSON.parse(detail);
    if (!Array.isArray(issues)) return null;
    return issues.map((issue) => ({
      path: String(readProperty(issue, "path")).replace(/^\$/, "$.payload"),
      message: String(readProperty(issue, "message")),
    }));
  } catch {
    return null;
  }
}
