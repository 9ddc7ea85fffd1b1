/** The timeline of a job as a list with a rail. */

import type { JobDetails } from "../api/records.ts";
import { formatMoment, formatMs, momentMs } from "../controls/format.ts";
import { Moment } from "../controls/moment.tsx";
import { jobTimeline } from "./job-timeline.ts";

export function TimelineView({ job }: { job: JobDetails }) {
  const events = jobTimeline(job);
  return (
    <ol class="timeline">
      {events.map(({ at, kind, what }, index) => {
        const before = momentMs(events[index - 1]?.at);
        const gap = before === null ? null : (momentMs(at) ?? before) - before;
        return (
          <li key={`${at} ${what}`} class={`status-${kind}`}>
            <span class="timeline-what">{what}</span>
            <span class="faint small-text" title={formatMoment(at)}>
              <Moment at={at} />
              {gap !== null && gap > 0 && ` · +${formatMs(gap)}`}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
