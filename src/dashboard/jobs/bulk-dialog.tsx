/** Changes many jobs at once: says how many first, and does it when that is wanted. */

import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api/api-error.ts";
import type { BulkPreviewRecord } from "../api/records.ts";
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
  /** The call and what it takes, without `preview`. */
  readonly path: string;
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
  const verb = verbs[operation];
  useEffect(() => {
    api.post<BulkPreviewRecord>(path, { ...body, preview: true }).then(setPreview, setError);
  }, []);
  const act = async (): Promise<void> => {
    setDoing(true);
    try {
      const { count } = await api.post<{ count: number }>(path, body);
      tell(`${verb}: ${formatJobs(count)}.`);
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
