/**
 * Single keys that do something, as long as nobody is typing and no dialog is open. A key may be
 * a name of the browser's ("Enter", "Escape") or two letters, one after the other: "g j".
 */

import { useEffect, useRef } from "preact/hooks";

export type KeyActions = Readonly<Record<string, () => void>>;

const sequenceMs = 1_200;

export function useKeys(actions: KeyActions, isOn = true): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    if (!isOn) return;
    const first = { key: "", atMs: 0 };
    const press = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || isForAnother(event)) return;
      const isSecond = first.key !== "" && Date.now() - first.atMs < sequenceMs;
      const name = isSecond ? `${first.key} ${event.key}` : event.key;
      const action = latest.current[name];
      const starts = Object.keys(latest.current).some((one) => one.startsWith(`${event.key} `));
      first.key = starts && !isSecond ? event.key : "";
      first.atMs = Date.now();
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [isOn]);
}

function isForAnother(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  if (document.querySelector("dialog[open]") !== null) return true;
  const { target } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement && ["checkbox", "radio"].includes(target.type)) {
    return event.key === " ";
  }
  if (target.matches("input, textarea, select") || target.isContentEditable) return true;
  // What has the focus does on Enter and space what it says.
  return target.matches("a, button, summary") && (event.key === "Enter" || event.key === " ");
}
