/** Groups of errors from several pages, each of a span of time, as one list. Pure. */

import type { ErrorGroupRecord } from "../api/records.ts";

/** Newer pages first. Each fault once, with the words of its newest job. */
export function mergeGroups(pages: readonly (readonly ErrorGroupRecord[])[]): ErrorGroupRecord[] {
  const merged = new Map<string, ErrorGroupRecord>();
  for (const group of pages.flat()) {
    const known = merged.get(group.fingerprint);
    merged.set(
      group.fingerprint,
      known === undefined
        ? group
        : { ...known, count: known.count + group.count, first_seen: group.first_seen },
    );
  }
  return [...merged.values()];
}
