/** Jobs as rows: on a phone each row is a small card. */

import type { JobRecord } from "../api/records.ts";
import { formatMs, momentMs } from "../controls/format.ts";
import { Moment, useNow } from "../controls/moment.tsx";
import { ProgressBar } from "../controls/progress-bar.tsx";
import { StatusBadge } from "../controls/status-badge.tsx";
import type { ListCursor } from "../keyboard/use-list-cursor.ts";
import { href } from "../routing/route.ts";

export interface JobTableProps {
  readonly jobs: readonly JobRecord[];
  readonly left: ReadonlySet<string>;
  readonly cursor: ListCursor;
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (ids: ReadonlySet<string>) => void;
}

export function JobTable({ jobs, left, cursor, selected, onSelect }: JobTableProps) {
  const areAll = jobs.length > 0 && jobs.every(({ id }) => selected.has(id));
  const toggle = (id: string): void => {
    const ids = new Set(selected);
    if (!ids.delete(id)) ids.add(id);
    onSelect(ids);
  };
  return (
    <table class="rows job-rows">
      <thead>
        <tr>
          <th scope="col" class="tick">
            <input
              type="checkbox"
              aria-label="Select all that are shown"
              checked={areAll}
              onChange={() => onSelect(new Set(areAll ? [] : jobs.map(({ id }) => id)))}
            />
          </th>
          <th scope="col">Job</th>
          <th scope="col">Task</th>
          <th scope="col">State</th>
          <th scope="col">Attempt</th>
          <th scope="col">Added</th>
          <th scope="col">Took</th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <tr key={job.id} class={left.has(job.id) ? "has-left" : ""} {...cursor.rowProps(job.id)}>
            <td class="tick">
              <input
                type="checkbox"
                aria-label={`Select job ${job.id}`}
                checked={selected.has(job.id)}
                onChange={() => toggle(job.id)}
              />
            </td>
            <JobCells job={job} hasLeft={left.has(job.id)} />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function JobCells({ job, hasLeft }: { job: JobRecord; hasLeft: boolean }) {
  const now = useNow();
  const { status, last_error: error } = job;
  const showsError = error !== null && ["failed", "retrying", "cancelled"].includes(status);
  return (
    <>
      <td class="cell-id">
        <a href={href("job", job.id)}>{job.id}</a>
      </td>
      <td class="cell-task">
        <span class="task-name">{job.task_type}</span>{" "}
        {job.queue !== null && <span class="faint small-text">queue {job.queue}</span>}
        {status === "running" && <ProgressBar progress={job.progress} />}
        {showsError && <span class="row-error">{error}</span>}
      </td>
      <td class="cell-status">
        <StatusBadge status={status} />
        {hasLeft && <span class="faint small-text">no longer matches</span>}
      </td>
      <td class="cell-attempt" data-label="attempt">
        {job.current_attempt} / {job.max_attempts}
      </td>
      <td class="cell-moment" data-label="added">
        <Moment at={job.created_at} />
      </td>
      <td class="cell-took" data-label="took">
        {formatMs(tookMs(job, now))}
      </td>
    </>
  );
}

function tookMs(job: JobRecord, nowMs: number): number | null {
  const from = momentMs(job.started_at);
  const isRunning = job.status === "running";
  if (from === null || (!isRunning && job.completed_at === null)) return null;
  return (isRunning ? nowMs : (momentMs(job.completed_at) ?? nowMs)) - from;
}
