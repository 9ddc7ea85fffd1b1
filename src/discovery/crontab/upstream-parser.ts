/**
 * graphile-worker's own parser of crontab text: it has the last word on what a line may say.
 * Loaded when a crontab has a line at all, since it takes longer than the rest of a start.
 */

import type { ParsedCronItem } from "graphile-worker";

/** Throws an Error that names no column; so ask it about one part at a time. */
export type UpstreamParser = (crontab: string) => readonly ParsedCronItem[];

export async function loadUpstreamParser(): Promise<UpstreamParser> {
  return (await import("graphile-worker")).parseCrontab;
}

/** Whether upstream's parser takes this line. */
export function isAccepted(parse: UpstreamParser, line: string): boolean {
  try {
    return parse(line).length === 1;
  } catch {
    return false;
  }
}
