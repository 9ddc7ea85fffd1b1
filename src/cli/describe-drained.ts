/** What a run with --once has done, in one line. */

import type { DrainCounts } from "../runtime/runtime.ts";

/** "Nothing more is due: 3 completed, 1 failed." */
export function describeDrained(counts: Partial<DrainCounts>): string {
  const told = Object.entries(counts).flatMap(([state, count]) =>
    count === 0 ? [] : [`${count} ${state}`],
  );
  return told.length === 0 ? "Nothing was due." : `Nothing more is due: ${told.join(", ")}.`;
}
