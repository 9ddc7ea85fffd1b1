/** Changes many jobs at once: says how many first, and does it when that is wanted. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../api/api-error.ts";
import type { BulkPreviewRecord, BulkResultRecord } from "../api/records.ts";
import { useApp } from "../app-context.ts";
import { Dialog } from "../controls/dialog.tsx";
import { formatJobs } from "../controls/format.ts";

export type BulkOperation = "retry" | "cancel" | "run_now";

const verbs: Readonly<Record<BulkOperation, string>> = {
  retry: "Retry",
  cancel: "Cancel",
  run_now: "Run now",
};

export interface BulkDialogProps {
  readonly operation: BulkOperation;
  readonly path: string;
  /** What the call takes, without `preview`; that of the first drawing is what is counted and done. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Which jobs, for people: "the 3 selected jobs". */
  readonly which: string;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function BulkDialog({ operation, path, body, which, onClose, onDone }: BulkDialogProps) {
  const { api, tell } = useApp();
  const [preview, setPreview] = useState<BulkPreviewRecord | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [isDoing, setDoing] = useState(false);
  const { current: asked } = useRef(body);
  const verb = verbs[operation];
  useEffect(() => {
    api.post<BulkPreviewRecord>(path, { ...asked, preview: true }).then(setPreview, setError);
  }, []);
  const act = async (): Promise<void> => {
    setDoing(true);
    try {
      const { count, results } = await api.post<BulkResultRecord>(path, asked);
      tell(`${verb}: ${formatJobs(count)}${resultsText(results)}.`);
      onDone();
      onClose();
    } catch (failed) {
      setError(failed as ApiError); // why: the client throws no other
      setDoing(false);
    }
  };
  return (
    <Dialog title={`${verb} ${which}`} onClose={onClose}>
      {error !== null && (
        <p class="fault" role="alert">
          {error.message} {error.nextStep}
        </p>
      )}
      {preview === null && error === null && <p class="loading">Counting…</p>}
      {preview !== null && <PreviewText operation={operation} count={preview.count} />}
      <footer class="dialog-foot">
        <button type="button" onClick={onClose}>
          Leave it
        </button>
        <button
          type="button"
          class={operation === "cancel" ? "danger" : "primary"}
          disabled={preview === null || preview.count === 0 || isDoing}
          onClick={act}
          data-confirm
        >
          {verb} {preview === null ? "…" : formatJobs(preview.count)}
        </button>
      </footer>
    </Dialog>
  );
}

/** Not every job was still as it had been counted. */
function resultsText(results: BulkResultRecord["results"] = {}): string {
  const words = Object.entries(results).map(([result, count]) => `${count} ${result}`);
  return words.length === 0 ? "" : ` (${words.join(", ")})`;
}

function PreviewText({ operation, count }: { operation: BulkOperation; count: number }) {
  if (count === 0) {
    const states = { retry: "failed or cancelled", cancel: "waiting or running" };
    const state = operation === "run_now" ? "scheduled or retrying" : states[operation];
    return <p>None of them is {state} now: there is nothing to do.</p>;
  }
  const what = {
    retry: "get all their attempts again and are due at once",
    cancel: "are cancelled; those that run are told to stop",
    run_now: "are due at once",
  };
  return (
    <p>
      <strong class="count">{formatJobs(count)}</strong> {what[operation]}.
    </p>
  );
}
