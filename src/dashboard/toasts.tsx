/** Sentences at the edge of the page that go away by themselves, also said by screen readers. */

import type { ComponentChildren } from "preact";
import { useCallback, useRef, useState } from "preact/hooks";

interface Toast {
  readonly key: number;
  readonly message: string;
  readonly kind: "done" | "failed";
}

const shownMs = { done: 4_000, failed: 10_000 };

export interface Toasts {
  readonly toasts: ComponentChildren;
  readonly tell: (message: string, kind?: "done" | "failed") => void;
}

export function useToasts(): Toasts {
  const [shown, setShown] = useState<readonly Toast[]>([]);
  const count = useRef(0);
  const tell = useCallback((message: string, kind: "done" | "failed" = "done") => {
    count.current += 1;
    const toast = { key: count.current, message, kind };
    setShown((all) => [...all.slice(-3), toast]);
    setTimeout(() => setShown((all) => all.filter((one) => one !== toast)), shownMs[kind]);
  }, []);
  const toasts = (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map(({ key, message, kind }) => (
        <p key={key} class={`toast ${kind}`}>
          {message}
        </p>
      ))}
    </div>
  );
  return { toasts, tell };
}
