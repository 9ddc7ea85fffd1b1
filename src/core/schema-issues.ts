/** Puts what a schema found wrong into words: each issue with its path. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { SecretTexts, textsAt } from "./mask.ts";
import type { TaskSecrets } from "./task.ts";

/** What a Standard Schema says of a value that breaks it. */
export type SchemaIssues = readonly StandardSchemaV1.Issue[];

const mostShown = 20;

/** The issues of a payload, whose secrets they may quote. Null secrets: as they are. */
export function withoutSecrets(
  issues: SchemaIssues,
  payload: unknown,
  secrets: TaskSecrets | null,
): SchemaIssues {
  if (secrets === null) return issues;
  const texts = new SecretTexts(textsAt(payload, secrets.payload));
  return issues.map((issue) => ({ ...issue, message: texts.mask(issue.message) }));
}

/** "$.to: invalid email; $.items[2].price: expected number". */
export function formatIssues(issues: SchemaIssues): string {
  const shown = issues
    .slice(0, mostShown)
    .map((issue) => `${formatPath(issue.path ?? [])}: ${issue.message}`);
  const more = issues.length - shown.length;
  return shown.join("; ") + (more > 0 ? `; and ${more} more` : "");
}

/** `["items", 2, "unit price"]` is `$.items[2]["unit price"]`. */
export function formatPath(path: readonly (PropertyKey | StandardSchemaV1.PathSegment)[]): string {
  let text = "$";
  for (const segment of path) {
    const key = typeof segment === "object" ? segment.key : segment;
    if (typeof key === "number") text += `[${key}]`;
    else if (typeof key === "string" && /^[A-Za-z_$][\w$]*$/.test(key)) text += `.${key}`;
    else text += `[${JSON.stringify(String(key))}]`;
  }
  return text;
}
