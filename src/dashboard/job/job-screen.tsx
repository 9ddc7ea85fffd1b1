/** One job: what it is doing and why, all that is kept of it, and what can be done with it. */

import { useEffect, useState } from "preact/hooks";
import type { JobDetails, ProgressRecord } from "../api/records.ts";
import { useApp } from "../app-context.ts";
import { JsonView } from "../controls/json-view.tsx";
import { Loaded } from "../controls/notice.tsx";
import { ProgressBar } from "../controls/progress-bar.tsx";
import { useResource } from "../live/use-resource.ts";
import { AttemptList } from "./attempt-list.tsx";
import { JobFacts } from "./job-facts.tsx";
import { JobHead } from "./job-head.tsx";
import { JobLog } from "./job-log.tsx";
import { RelativesGraph } from "./relatives-graph.tsx";
import { StepList } from "./step-list.tsx";
import { TimelineView } from "./timeline-view.tsx";

export function JobScreen({ id }: { id: string }) {
  const { api } = useApp();
  const job = useResource(id, () => api.get<JobDetails>(`tasks/${encodeURIComponent(id)}`), {
    on: (change) =>
      change.kind === "gates" ||
      change.kind === "missed" ||
      (change.kind === "job" && change.id === id),
    everyMs: 1_000,
    whileLiveMs: 3_000,
    spacingMs: 300,
  });
  const told = useToldProgress(id);
  return (
    <section class="screen" aria-labelledby="title">
      <Loaded resource={job}>
        {(data) => <JobView job={withProgress(data, told)} reload={job.reload} />}
      </Loaded>
    </section>
  );
}

function JobView({ job, reload }: { job: JobDetails; reload: () => void }) {
  const { attempts, steps, output, metadata } = job;
  return (
    <>
      <JobHead job={job} reload={reload} />
      {job.explanation !== null && (
        <p class={`explanation status-${job.status}`}>{job.explanation}</p>
      )}
      {["running", "retrying"].includes(job.status) && <ProgressBar progress={job.progress} />}
      {job.error !== null && attempts.length === 0 && <p class="fault">{job.error}</p>}
      <div class="job-grid">
        <div class="job-main">
          {attempts.length > 0 && (
            <section class="card" aria-labelledby="attempts">
              <h2 id="attempts">Failed attempts</h2>
              <AttemptList attempts={attempts} />
            </section>
          )}
          <section class="card" aria-labelledby="payload">
            <h2 id="payload">Payload</h2>
            <JsonView value={job.payload} label="the payload" />
          </section>
          {output !== null && (
            <section class="card" aria-labelledby="output">
              <h2 id="output">Output</h2>
              <JsonView value={output} label="the output" />
            </section>
          )}
          {steps.length > 0 && (
            <section class="card" aria-labelledby="steps">
              <h2 id="steps">Steps</h2>
              <StepList steps={steps} />
            </section>
          )}
          <JobLog job={job} />
          <RelativesGraph job={job} />
        </div>
        <aside class="job-side" aria-label="Facts">
          <section class="card" aria-labelledby="timeline">
            <h2 id="timeline">Timeline</h2>
            <TimelineView job={job} />
          </section>
          <JobFacts job={job} />
          {isSomething(metadata) && (
            <section class="card" aria-labelledby="metadata">
              <h2 id="metadata">Metadata</h2>
              <JsonView value={metadata} label="the metadata" />
            </section>
          )}
        </aside>
      </div>
    </>
  );
}

/** What the server tells between two readings of the job. */
function useToldProgress(id: string): { id: string; progress: ProgressRecord } | null {
  const { feed } = useApp();
  const [told, setTold] = useState<{ id: string; progress: ProgressRecord } | null>(null);
  useEffect(
    () =>
      feed.listen((change) => {
        if (change.kind === "progress" && change.id === id) setTold(change);
      }),
    [feed, id],
  );
  return told?.id === id ? told : null;
}

function withProgress(
  job: JobDetails,
  told: { readonly progress: ProgressRecord } | null,
): JobDetails {
  if (told === null || job.status !== "running") return job;
  const isOlder = (job.progress?.done ?? 0) >= told.progress.done;
  return isOlder ? job : { ...job, progress: told.progress };
}

function isSomething(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}
