/** The row that keys are for: `j` and `k` move it, it stays in sight. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { KeyActions } from "./keyboard.ts";
import { useKeys } from "./use-keys.ts";

export interface ListCursor {
  /** Null as long as no key was used. */
  readonly id: string | null;
  /** For the row of that id. */
  readonly rowProps: (id: string) => { "aria-current"?: "true"; "data-row": string };
}

export function useListCursor(
  ids: readonly string[],
  actions: Readonly<Record<string, (id: string) => void>>,
): ListCursor {
  const [id, setId] = useState<string | null>(null);
  const moved = useRef(false);
  const current = id !== null && ids.includes(id) ? id : null;
  const move = (step: number): void => {
    const at = current === null ? -1 : ids.indexOf(current);
    const next = at === -1 ? (step > 0 ? 0 : ids.length - 1) : at + step;
    moved.current = true;
    setId(ids[Math.min(Math.max(next, 0), ids.length - 1)] ?? null);
  };
  useLayoutEffect(() => {
    if (!moved.current || current === null) return;
    moved.current = false;
    const row = document.querySelector(`[data-row="${CSS.escape(current)}"]`);
    row?.scrollIntoView({ block: "nearest" });
    // So that a screen reader says the row, and Tab goes on from it.
    row?.querySelector<HTMLElement>("a, button")?.focus({ preventScroll: true });
  });
  const forRow = Object.entries(actions).map(([key, act]): [string, () => void] => [
    key,
    () => {
      if (current !== null) act(current);
    },
  ]);
  const keys: KeyActions = {
    ...Object.fromEntries(forRow),
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
  };
  useKeys(keys);
  return {
    id: current,
    rowProps: (row) => ({
      "data-row": row,
      ...(row === current ? { "aria-current": "true" as const } : {}),
    }),
  };
}
