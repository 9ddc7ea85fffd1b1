/** Puts what a schema found wrong into words: each issue with its path. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { SecretTexts, textsAt } from "./mask.ts";
import { listFaults, shortText } from "./short-text.ts";
import type { TaskSecrets } from "./task.ts";

/** What a Standard Schema says of a value that breaks it. */
export type SchemaIssues = readonly StandardSchemaV1.Issue[];

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
  return listFaults(
    issues.map(({ path = [], message }) => `${formatPath(path)}: ${shortIssue(message)}`),
  );
}

/** A schema may quote what it got, or name the thousand properties that it doesn't know. */
export function shortIssue(message: string): string {
  return shortText(message, 300);
}

/** A path may have a thousand parts, and a name in it a megabyte. */
const mostParts = 10;

/** `["items", 2, "unit price"]` is `$.items[2]["unit price"]`; of long ones the beginning. */
export function formatPath(path: readonly (PropertyKey | StandardSchemaV1.PathSegment)[]): string {
  let text = "$";
  for (const segment of path.slice(0, mostParts)) {
    const key = typeof segment === "object" ? segment.key : segment;
    if (typeof key === "number") text += `[${key}]`;
    else if (typeof key === "string" && /^[A-Za-z_$][\w$]*$/.test(key))
      text += `.${shortText(key)}`;
    else text += `[${JSON.stringify(shortText(String(key)))}]`;
  }
  return path.length > mostParts ? `${text}…` : text;
}
