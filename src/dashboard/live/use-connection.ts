/** Whether the server tells what changes at this moment. */

import { useEffect, useState } from "preact/hooks";
import type { LiveFeed } from "./live-feed.ts";

export function useConnection(feed: LiveFeed): boolean {
  const [isLive, setLive] = useState(feed.isConnected);
  useEffect(() => feed.listen(() => setLive(feed.isConnected)), [feed]);
  return isLive;
}
