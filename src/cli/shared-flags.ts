/** Flags that several commands of the command table share, so that they mean the same in each. */

import type { OptionName } from "../config/schema.ts";
import type { FlagSpec } from "./command-spec.ts";

export const sharedFlags = {
  json: { kind: "switch", sentence: "Print JSON for programs" },
  /** What chooses jobs; read by `job-filter.ts`. */
  chosen: {
    task: { kind: "text", sentence: "Only jobs of this task" },
    state: { kind: "text", sentence: "Only jobs in this state" },
    queue: { kind: "text", sentence: "Only jobs of this serial queue" },
    "correlation-id": { kind: "text", sentence: "Only jobs with this correlation id" },
    since: {
      kind: "text",
      sentence: 'Ended (else added) no longer ago than "2h", or since a moment',
    },
    until: {
      kind: "text",
      sentence: "Ended (else added) longer ago than that, or before a moment",
    },
  },
  /**
   * Every command about tasks and jobs takes these, whether it needs them or not: a script sets
   * them once for all. Those that write files or scripts don't.
   */
  common: ["connection", "schema", "dataDir", "tasks", "importTimeout"],
} as const satisfies {
  json: FlagSpec;
  chosen: Record<string, FlagSpec>;
  common: readonly OptionName[];
};
