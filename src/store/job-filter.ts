/** Which jobs are meant: what lists and commands over many jobs take. */

import type { JobState } from "../core/job.ts";

export interface JobFilter {
  readonly ids?: readonly string[];
  /** Only jobs whose id is smaller: the last one of the list before, to go on from there. */
  readonly before?: string;
  readonly state?: JobState;
  readonly task?: string;
  readonly queue?: string;
  readonly correlationId?: string;
  /** At or after this moment: when the job ended or, as long as it hasn't, was added. */
  readonly since?: Date;
  /** Before this moment, of the same two. */
  readonly until?: Date;
  /** Failed jobs of this fault. */
  readonly fingerprint?: string;
  /** Each must hold: what the payload has at a path, as text. */
  readonly payload?: readonly { readonly path: readonly string[]; readonly value: string }[];
  /** Default 50. */
  readonly limit?: number;
}
