/** The log of a job: its last lines, and all that are kept when somebody wants them. */

import { useState } from "preact/hooks";
import type { JobDetails, LogRecord } from "../api/records.ts";
import { useApp } from "../app-context.ts";
import { Loaded } from "../controls/notice.tsx";
import { useResource } from "../live/use-resource.ts";
import { LogLines } from "./log-lines.tsx";

/** As many as come with the job: there may be more. */
const sentWithJob = 100;
const mostLines = 500;

export function JobLog({ job: { id, logs } }: { job: JobDetails }) {
  const [showsAll, setShowsAll] = useState(false);
  if (logs.length === 0) return null;
  return (
    <section class="card" aria-labelledby="logs">
      <h2 id="logs">Log</h2>
      {showsAll ? <WholeLog id={id} /> : <LogLines logs={logs} />}
      {!showsAll && logs.length >= sentWithJob && (
        <button type="button" class="small more" onClick={() => setShowsAll(true)}>
          Lines before these
        </button>
      )}
    </section>
  );
}

function WholeLog({ id }: { id: string }) {
  const { api } = useApp();
  const path = `tasks/${encodeURIComponent(id)}/logs`;
  const lines = useResource(path, () => api.get<LogRecord[]>(path, { limit: mostLines }), {
    on: (change) => "id" in change && change.id === id,
    whileLiveMs: 5_000,
  });
  return <Loaded resource={lines}>{(logs) => <LogLines logs={logs} />}</Loaded>;
}
