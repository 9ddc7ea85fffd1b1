/** What keeps a task from running now: paused, breaker open, no process that has it. */

import { Moment } from "../controls/moment.tsx";
import type { TaskRow } from "./task-rows.ts";

export function TaskMarks({ row }: { row: TaskRow }) {
  const { breaker, pause, processes } = row;
  return (
    <>
      {pause !== null && <span class="badge status-scheduled">‖ paused</span>}
      {breaker !== null && (
        <span class="badge status-failed">
          ⚡ breaker {breaker.state === "open" ? "open" : "half open"}
        </span>
      )}
      {processes === 0 && <span class="badge status-cancelled">no process</span>}
    </>
  );
}

export function GateNotes({ row }: { row: TaskRow }) {
  const { breaker, pause, processes } = row;
  return (
    <>
      {pause !== null && (
        <p class="explanation">
          Paused <Moment at={pause.paused_at} />
          {pause.paused_by && ` by ${pause.paused_by}`}
          {pause.reason && `: ${pause.reason}`}
        </p>
      )}
      {breaker !== null && (
        <p class="explanation">
          The breaker opened <Moment at={breaker.opened_at} /> after {breaker.failures} failures,
          tries again <Moment at={breaker.open_until} />.
          {breaker.last_error && ` The last one: ${breaker.last_error}`}
        </p>
      )}
      {processes === 0 && (
        <p class="explanation">No running process has this task: its jobs wait.</p>
      )}
    </>
  );
}
