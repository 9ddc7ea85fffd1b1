/** The running processes: whether each is well, and how much it has to do. */

import type { ProcessRecord } from "../api/records.ts";
import { useApp } from "../app-context.ts";
import { formatBytes, formatMs, momentMs } from "../controls/format.ts";
import { Moment, useNow } from "../controls/moment.tsx";
import { Loaded, Notice } from "../controls/notice.tsx";
import { useResource } from "../live/use-resource.ts";
import { href } from "../routing/route.ts";

const silentTooLongMs = 10_000;
const lagTooLongMs = 200;

export function ProcessesScreen() {
  const { api } = useApp();
  const processes = useResource("processes", () => api.get<ProcessRecord[]>("processes"), {
    everyMs: 2_000,
    whileLiveMs: 2_000,
  });
  return (
    <section class="screen" aria-labelledby="title">
      <header class="screen-head">
        <h1 id="title">Processes</h1>
      </header>
      <Loaded resource={processes}>
        {(rows) =>
          rows.length === 0 ? (
            <Notice title="No process runs jobs now.">
              <p>
                Jobs wait until one does: <code>npx taskrun</code>.
              </p>
            </Notice>
          ) : (
            <ul class="cards process-cards">
              {rows.map((process) => (
                <li key={process.id} class="card">
                  <ProcessView process={process} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}

function ProcessView({ process }: { process: ProcessRecord }) {
  const { id, host, pid, version, started_at, running, tasks, concurrency } = process;
  const now = useNow();
  const { loop_lag_ms: lagMs, rss_bytes: bytes, last_beat_at: beat, stuck } = process;
  const silentMs = process.silent_ms ?? Math.max(0, now - (momentMs(beat) ?? now));
  const isSilent = silentMs > silentTooLongMs;
  return (
    <>
      <header class="card-head">
        <div>
          <h2>
            {host} <span class="faint">{pid}</span>
          </h2>
          <p class="faint small-text">
            <code>{id}</code> · taskrun {version}
          </p>
        </div>
        <span class={`badge status-${isSilent ? "failed" : "completed"}`}>
          {isSilent ? `✕ silent for ${formatMs(silentMs)}` : "✓ alive"}
        </span>
      </header>
      <Slots running={running} concurrency={concurrency ?? null} />
      <dl class="facts wide">
        <div>
          <dt>Started</dt>
          <dd>
            <Moment at={started_at} />
          </dd>
        </div>
        <div>
          <dt>Last beat</dt>
          <dd>{formatMs(silentMs)} ago</dd>
        </div>
        {lagMs !== null && lagMs !== undefined && (
          <div>
            <dt>Event-loop lag</dt>
            <dd class={lagMs > lagTooLongMs ? "bad" : ""}>{formatMs(lagMs)}</dd>
          </div>
        )}
        {bytes !== null && bytes !== undefined && (
          <div>
            <dt>Memory</dt>
            <dd>{formatBytes(bytes)}</dd>
          </div>
        )}
        {(stuck ?? 0) > 0 && (
          <div>
            <dt>Stuck handlers</dt>
            <dd class="bad">{stuck}</dd>
          </div>
        )}
      </dl>
      {tasks && (
        <details class="process-tasks">
          <summary>{tasks.length === 1 ? "1 task" : `${tasks.length} tasks`}</summary>
          <p>
            {tasks.map((task) => (
              <a key={task} class="tag" href={href("task", task)}>
                {task}
              </a>
            ))}
          </p>
        </details>
      )}
    </>
  );
}

function Slots({ running, concurrency }: { running: number; concurrency: number | null }) {
  if (concurrency === null) return <p>{running} running</p>;
  return (
    <div class="progress">
      <progress aria-label="Attempts at the same time" max={concurrency} value={running} />
      <span class="progress-said">
        {running} of {concurrency} slots
      </span>
    </div>
  );
}
