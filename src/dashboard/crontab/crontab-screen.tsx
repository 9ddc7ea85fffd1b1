/** The crontab's lines in plain words: next runs, how the last one went; run now, pause. */

import type { ApiError } from "../api/api-error.ts";
import type { CreatedRecord, CrontabRecord } from "../api/records.ts";
import { useApp, useMay } from "../app-context.ts";
import { formatMoment } from "../controls/format.ts";
import { Moment } from "../controls/moment.tsx";
import { Loaded, Notice } from "../controls/notice.tsx";
import { StatusBadge } from "../controls/status-badge.tsx";
import { useListCursor } from "../keyboard/use-list-cursor.ts";
import { useResource } from "../live/use-resource.ts";
import { href } from "../routing/route.ts";

interface LineActions {
  readonly runNow: (line: CrontabRecord) => void;
  readonly toggle: (line: CrontabRecord) => void;
}

export function CrontabScreen() {
  const { api } = useApp();
  const crontab = useResource("crontab", () => api.get<CrontabRecord[]>("crontab"), {
    on: ({ kind }) => kind !== "progress",
    everyMs: 10_000,
    spacingMs: 3_000,
  });
  const lines = crontab.data ?? [];
  const actions = useLineActions(crontab.reload);
  const by = (id: string) => lines.find(({ identifier }) => identifier === id);
  const mayOperate = useMay("operate");
  const cursor = useListCursor(
    lines.map(({ identifier }) => identifier),
    mayOperate
      ? {
          u: (id) => withLine(by(id), actions.runNow),
          p: (id) => withLine(by(id), actions.toggle),
        }
      : {},
  );
  return (
    <section class="screen" aria-labelledby="title">
      <header class="screen-head">
        <h1 id="title">Crontab</h1>
      </header>
      <Loaded resource={crontab}>
        {(rows) =>
          rows.length === 0 ? (
            <Notice title="The crontab has no lines.">
              <p>
                Write one into the file <code>crontab</code> beside <code>tasks/</code>, like{" "}
                <code>0 4 * * * file_cleanup</code>: every day at four.
              </p>
            </Notice>
          ) : (
            <ul class="cards">
              {rows.map((line) => (
                <li key={line.identifier} class="card" {...cursor.rowProps(line.identifier)}>
                  <LineView line={line} actions={actions} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}

function LineView({ line, actions }: { line: CrontabRecord; actions: LineActions }) {
  const { identifier, task_type: task, words, schedule, time_zone: zone, last_run: last } = line;
  const mayOperate = useMay("operate");
  return (
    <>
      <header class="card-head">
        <div>
          <h2>
            <a href={href("task", task)}>{task}</a>
            {identifier !== task && <span class="faint"> {identifier}</span>}{" "}
            {line.paused && <span class="badge status-scheduled">‖ paused</span>}
          </h2>
          <p>{words}</p>
          <p class="faint small-text">
            <code>{schedule}</code> {zone}
            {line.line !== null && ` · line ${line.line}`}
          </p>
        </div>
        {mayOperate && (
          <div class="actions">
            <button type="button" onClick={() => actions.runNow(line)}>
              Run now <kbd>u</kbd>
            </button>
            <button type="button" onClick={() => actions.toggle(line)}>
              {line.paused ? "Resume" : "Pause"} <kbd>p</kbd>
            </button>
          </div>
        )}
      </header>
      <dl class="facts wide">
        <div>
          <dt>Next</dt>
          <dd>
            {line.paused
              ? "not while it is paused"
              : line.next_runs.slice(0, 3).map((at, index) => (
                  <span key={at} class={index === 0 ? "" : "faint"}>
                    {index === 0 ? <Moment at={at} /> : formatMoment(at)}
                    {index < Math.min(line.next_runs.length, 3) - 1 ? ", " : ""}
                  </span>
                ))}
          </dd>
        </div>
        <div>
          <dt>Last</dt>
          <dd>{last === null ? "not yet" : <LastRun last={last} />}</dd>
        </div>
        {line.payload !== null && JSON.stringify(line.payload) !== "{}" && (
          <div>
            <dt>Payload</dt>
            <dd>
              <code>{JSON.stringify(line.payload)}</code>
            </dd>
          </div>
        )}
      </dl>
    </>
  );
}

function LastRun({ last }: { last: NonNullable<CrontabRecord["last_run"]> }) {
  const { id, at, status } = last;
  return (
    <>
      <Moment at={at} /> {status !== null && <StatusBadge status={status} />}{" "}
      {id !== null && <a href={href("job", id)}>job {id}</a>}
    </>
  );
}

function useLineActions(reload: () => void): LineActions {
  const { api, tell } = useApp();
  const act = async (path: string, done: (id: string) => string): Promise<void> => {
    try {
      const created = await api.post<Partial<CreatedRecord>>(path);
      tell(done(created.id ?? ""));
      reload();
    } catch (error) {
      const { message } = error as ApiError; // why: the client throws no other
      tell(message, "failed");
    }
  };
  const path = (line: CrontabRecord, what: string): string =>
    `crontab/${encodeURIComponent(line.identifier)}/${what}`;
  return {
    runNow: (line) => void act(path(line, "run-now"), (id) => `Job ${id} is added.`),
    toggle: (line) =>
      void act(path(line, line.paused ? "resume" : "pause"), () =>
        line.paused ? `${line.identifier} goes on.` : `${line.identifier} is paused.`,
      ),
  };
}

function withLine(line: CrontabRecord | undefined, act: (line: CrontabRecord) => void): void {
  if (line !== undefined) act(line);
}
