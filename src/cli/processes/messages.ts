/** What a supervisor and its child processes say to each other. */

import type { DrainCounts } from "../../runtime/runtime.ts";

/** From the supervisor. `begin` comes first. */
export type OrderMessage =
  | ({ readonly kind: "begin" } & Duties)
  /** End well; `by` says who asks. */
  | { readonly kind: "stop"; readonly by: string }
  /** End now. */
  | { readonly kind: "stop-now"; readonly by: string }
  | { readonly kind: "pause"; readonly paused: boolean };

/** What one child does that the others don't. */
export interface Duties {
  /** Serves the HTTP API and tells what happens to all alike: reloads, the keys of watch mode. */
  readonly leads: boolean;
  /** Tells at its start what it has found. */
  readonly greets: boolean;
  /** Another child with the same duties ends when this one works. */
  readonly replaces: boolean;
}

/** From a child. */
export type ReportMessage =
  | ({ readonly kind: "identity" } & Identity)
  /** It takes jobs. */
  | { readonly kind: "working" }
  /** A key asks for the end of all. */
  | { readonly kind: "ask"; readonly name: string }
  /** A key has paused it, or let it go on. */
  | { readonly kind: "pause"; readonly paused: boolean }
  /** With --once: nothing is due any more. */
  | { readonly kind: "drained"; readonly counts: DrainCounts };

/** Under which name it holds jobs, and where: what it takes to give them away. */
export interface Identity {
  readonly processId: string;
  readonly connectionString: string;
  readonly schema: string;
}
