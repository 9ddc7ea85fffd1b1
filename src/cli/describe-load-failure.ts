/** A load failure as people read it: place, reason, the lines around it, and the fix. */

import path from "node:path";
import type { LoadFailure } from "../core/catalog.ts";

/** `file:line:col: reason`, then the frame and the fix, indented. Paths are relative to here. */
export function describeLoadFailure(failure: LoadFailure): string {
  const place = `${shownPath(failure.file)}:${failure.line ?? 1}:${failure.column ?? 1}`;
  const frame = failure.frame === null ? [] : indented(failure.frame);
  return [`${place}: ${failure.reason}`, ...frame, ...indented(failure.fix)].join("\n");
}

/** A path inside the current folder is shown relative to it. */
export function shownPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative === "" || relative.startsWith("..") ? file : relative;
}

function indented(text: string): string[] {
  return text.split("\n").map((line) => `  ${line}`);
}
