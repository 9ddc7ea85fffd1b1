/** The settings of one job, and who has it. */

import type { ComponentChildren } from "preact";
import type { JobDetails } from "../api/records.ts";
import { formatMs } from "../controls/format.ts";
import { Moment } from "../controls/moment.tsx";
import { href } from "../routing/route.ts";

export function JobFacts({ job }: { job: JobDetails }) {
  const { queue, key, correlation_id: correlation, created_by: by, process } = job;
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    ["Attempt", `${job.current_attempt} of ${job.max_attempts}`],
    ["Priority", String(job.priority)],
    ["Due", <Moment key="due" at={job.scheduled_at} />],
    ["Waited", formatMs(job.wait_ms)],
    ["Ran", formatMs(job.run_ms)],
    ["Queue", queue && <a href={href("jobs", "", { queue })}>{queue}</a>],
    ["Key", key && <code>{key}</code>],
    ["Correlation", correlation && <a href={href("jobs", "", { correlation })}>{correlation}</a>],
    ["Added by", by],
    ["Process", process && <code>{process}</code>],
  ];
  return (
    <section class="card" aria-labelledby="facts">
      <h2 id="facts">Facts</h2>
      <dl class="facts">
        {facts
          .filter(([, value]) => value !== null && value !== "–")
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </section>
  );
}
