/** The top of a job's screen: which job, its state, and the buttons for what can be done now. */

import { useState } from "preact/hooks";
import type { JobDetails } from "../api/records.ts";
import { useMay } from "../app-context.ts";
import { StatusBadge } from "../controls/status-badge.tsx";
import { useKeys } from "../keyboard/use-keys.ts";
import { goTo } from "../routing/go-to.ts";
import { href } from "../routing/route.ts";
import { CancelDialog } from "./cancel-dialog.tsx";
import { useJobActions } from "./use-job-actions.ts";

interface Action {
  readonly key: string;
  readonly label: string;
  readonly states: readonly string[];
  readonly act: () => void;
}

export function JobHead({ job, reload }: { job: JobDetails; reload: () => void }) {
  const { id, status, task_type: task } = job;
  const [asksToCancel, setAsking] = useState(false);
  const { retry, runNow, cancel } = useJobActions(reload);
  const similar = href("add", task, { like: id });
  const operate: readonly Action[] = [
    { key: "r", label: "Retry", states: ["failed", "cancelled"], act: () => retry(id) },
    { key: "u", label: "Run now", states: ["scheduled", "retrying"], act: () => runNow(id) },
    {
      key: "c",
      label: "Cancel",
      states: ["pending", "scheduled", "blocked", "running", "retrying"],
      act: () => setAsking(true),
    },
  ];
  const possible = useMay("operate") ? operate.filter((one) => one.states.includes(status)) : [];
  const mayAdd = useMay("enqueue");
  useKeys({
    ...Object.fromEntries(possible.map(({ key, act }) => [key, act])),
    ...(mayAdd ? { s: () => goTo(similar) } : {}),
  });
  return (
    <header class="screen-head">
      <div>
        <p class="crumbs">
          <a href={href("jobs")}>Jobs</a> / <a href={href("task", task)}>{task}</a>
        </p>
        <h1 id="title">
          Job {id} <StatusBadge status={status} />
        </h1>
      </div>
      <div class="actions">
        {possible.map(({ key, label, act }) => (
          <button key={key} type="button" class={label === "Retry" ? "primary" : ""} onClick={act}>
            {label} <kbd>{key}</kbd>
          </button>
        ))}
        {mayAdd && (
          <a class="button" href={similar}>
            Add a similar one <kbd>s</kbd>
          </a>
        )}
      </div>
      {asksToCancel && (
        <CancelDialog
          id={id}
          onCancel={(reason) => cancel(id, reason)}
          onClose={() => setAsking(false)}
        />
      )}
    </header>
  );
}
