/** What every screen has at hand: the API, what changes, who is signed in, a word at the edge. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { ApiClient } from "./api/api-client.ts";
import type { SessionRecord } from "./api/records.ts";
import type { LiveFeed } from "./live/live-feed.ts";

export interface AppContext {
  readonly api: ApiClient;
  readonly feed: LiveFeed;
  readonly session: SessionRecord;
  /** Says a sentence at the edge of the page for some seconds, and to screen readers. */
  readonly tell: (message: string, kind?: "done" | "failed") => void;
}

const context = createContext<AppContext | null>(null);

export const AppProvider = context.Provider;

export function useApp(): AppContext {
  const app = useContext(context);
  if (app === null) throw new TypeError("useApp was called outside of AppProvider");
  return app;
}

/** Whether who is signed in may do it: "read", "enqueue", "operate". */
export function useMay(scope: string): boolean {
  return useApp().session.scopes.includes(scope);
}
