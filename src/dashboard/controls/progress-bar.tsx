/** How far a job is, as it says itself. */

import type { ProgressRecord } from "../api/records.ts";
import { formatCount } from "./format.ts";

export function ProgressBar({ progress }: { progress: ProgressRecord | null }) {
  if (progress === null) return null;
  const { done, total, message } = progress;
  const share = total === null || total <= 0 ? null : Math.min(done / total, 1);
  const said = total === null ? formatCount(done) : `${formatCount(done)} / ${formatCount(total)}`;
  return (
    <div class="progress">
      <progress
        aria-label="Progress"
        max={1}
        {...(share === null ? {} : { value: share })}
        data-done={done}
      />
      <span class="progress-said">
        {share === null ? said : `${Math.floor(share * 100)} % · ${said}`}
        {message ? ` · ${message}` : ""}
      </span>
    </div>
  );
}
