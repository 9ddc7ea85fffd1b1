/** A load failure as people read it. Owns the wording around its fields; refuses colours. */

import { relative, sep } from "node:path";
import type { LoadFailure } from "../core/catalog.ts";

/**
 * Several lines: the place and the reason, the source around it, the fix.
 *
 *     tasks/send.ts:2:20: there is no file "./mial.ts"  (task "send")
 *         1 | import { pool } from "./_db.ts";
 *       > 2 | import { mail } from "./mial.ts";
 *           |                      ^
 *       Did you mean "./mail.ts"?
 *
 * Paths are given relative to `projectDir` (absolute).
 */
export function describeFailure(failure: LoadFailure, projectDir: string): string {
  const { frame, fix } = failure;
  const lines = frame === null ? [fix] : [...frame.split("\n"), fix];
  return [headline(failure, projectDir), ...lines.map((line) => `  ${line}`.trimEnd())].join("\n");
}

/** One line, `file:line:col: reason. Fix.`, for editors and for searching. */
export function describeFailureBriefly(failure: LoadFailure, projectDir: string): string {
  const text = `${headline(failure, projectDir)}: ${failure.fix}`;
  return text.replaceAll(/\s*\n\s*/g, " ");
}

function headline(failure: LoadFailure, projectDir: string): string {
  const { file, line, column, reason, task } = failure;
  const inside = relative(projectDir, file);
  const path = (inside.startsWith("..") ? file : inside).split(sep).join("/");
  const place = [path, ...(line === null ? [] : [line, column ?? 1])].join(":");
  return `${place}: ${reason}${task === null ? "" : ` (task ${JSON.stringify(task)})`}`;
}
