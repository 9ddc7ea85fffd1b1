/** What keys do as long as a component is on the page. */

import { createContext } from "preact";
import { useContext, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { type KeyActions, Keyboard } from "./keyboard.ts";

const keyboard = createContext<Keyboard | null>(null);

export const KeyboardProvider = keyboard.Provider;

/** The page's keyboard, for who provides it. */
export function useNewKeyboard(): Keyboard {
  const page = useMemo(() => new Keyboard(), []);
  useLayoutEffect(() => page.listen(), [page]);
  return page;
}

export function useKeys(actions: KeyActions): void {
  const page = useContext(keyboard);
  if (page === null) throw new TypeError("useKeys was called outside of KeyboardProvider");
  const latest = useRef(actions);
  latest.current = actions;
  // As soon as the component stands there: a key that comes before it is painted counts too.
  useLayoutEffect(() => page.add(() => latest.current), [page]);
}
