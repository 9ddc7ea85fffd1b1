/** Puts a text into the clipboard. */

import { useState } from "preact/hooks";
import { useApp } from "../app-context.ts";

export function CopyButton({ text, what }: { text: string; what: string }) {
  const { tell } = useApp();
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1_500);
    } catch {
      tell("The browser doesn't let this page copy.", "failed");
    }
  };
  return (
    <button type="button" class="small" onClick={copy} aria-label={`Copy ${what}`}>
      {isCopied ? "Copied" : "Copy"}
    </button>
  );
}
