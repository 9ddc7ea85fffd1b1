/** A moment, told from now on ("3 m ago"), with the exact time at hand; and the clock behind it. */

import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { formatAgo, formatMoment } from "./format.ts";

const clock = createContext(0);

export const ClockProvider = clock.Provider;

/** Epoch milliseconds, some seconds old at most. */
export function useNow(): number {
  return useContext(clock);
}

export function useTicking(everyMs = 1_000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

export function Moment({ at }: { at: string | null | undefined }) {
  const now = useNow();
  if (!at) return <span class="faint">–</span>;
  return (
    <time dateTime={at} title={formatMoment(at)}>
      {formatAgo(at, now)}
    </time>
  );
}
