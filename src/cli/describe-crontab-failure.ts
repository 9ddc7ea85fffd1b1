/** A line of the crontab that can't run, as people read it. */

import type { CrontabFailure } from "../core/crontab.ts";
import { shownPath } from "./describe-load-failure.ts";

/** `crontab:line:col: reason`, then the frame and the fix, indented. */
export function describeCrontabFailure(file: string | false, failure: CrontabFailure): string {
  const { line, column, reason, frame, fix } = failure;
  const place = `${shownPath(file === false ? "crontab" : file)}:${line}:${column}`;
  const below = frame === "" ? fix : `${frame}\n${fix}`;
  const details = below.split("\n").map((text) => `  ${text}`);
  return [`${place}: ${reason}`, ...details].join("\n");
}
