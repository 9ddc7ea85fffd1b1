/** The way back: to the screen before, or, when there is none within the page, to the one above. */

import { useEffect, useRef } from "preact/hooks";
import { goTo } from "./go-to.ts";
import { href, type Route } from "./route.ts";

export function useBack({ screen, id }: Route): () => void {
  const depth = useRef(0);
  useEffect(() => {
    // Entries of the browser's history carry how many of this page's are before them.
    const note = (): void => {
      const known: unknown = history.state?.depth;
      depth.current = typeof known === "number" ? known : depth.current + 1;
      history.replaceState({ depth: depth.current }, "");
    };
    depth.current = -1;
    note();
    addEventListener("hashchange", note);
    return () => removeEventListener("hashchange", note);
  }, []);
  return () => {
    if (depth.current > 0) history.back();
    else if (screen === "job") goTo(href("jobs"));
    else if (screen === "add") goTo(href("task", id));
    else if (screen === "task") goTo(href("tasks"));
  };
}
