/** Asks before a job is cancelled, and for the reason. */

import { useState } from "preact/hooks";
import { Dialog } from "../controls/dialog.tsx";

export interface CancelDialogProps {
  readonly id: string;
  readonly onCancel: (reason: string) => void;
  readonly onClose: () => void;
}

export function CancelDialog({ id, onCancel, onClose }: CancelDialogProps) {
  const [reason, setReason] = useState("");
  return (
    <Dialog title={`Cancel job ${id}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onCancel(reason.trim());
          onClose();
        }}
      >
        <label class="field">
          <span class="label">Reason, if you like</span>
          <input
            value={reason}
            maxLength={1000}
            onInput={({ currentTarget }) => setReason(currentTarget.value)}
          />
        </label>
        <p class="faint">A job that runs is told to stop; it ends as cancelled.</p>
        <footer class="dialog-foot">
          <button type="button" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" class="danger" data-confirm>
            Cancel the job
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
