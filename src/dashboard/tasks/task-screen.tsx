/** One task: what holds it back, how it does, its policies and where each came from, its schema. */

import type { PolicyRecord, StatsRecord } from "../api/records.ts";
import { useMay } from "../app-context.ts";
import { formatMs, formatShortCount } from "../controls/format.ts";
import { JsonView } from "../controls/json-view.tsx";
import { Moment } from "../controls/moment.tsx";
import { Loaded, Notice } from "../controls/notice.tsx";
import { useKeys } from "../keyboard/use-keys.ts";
import { goTo } from "../routing/go-to.ts";
import { href } from "../routing/route.ts";
import { GateNotes, TaskMarks } from "./task-marks.tsx";
import type { TaskRow } from "./task-rows.ts";
import { useGate } from "./use-gate.ts";
import { useTasks } from "./use-tasks.ts";

export function TaskScreen({ name }: { name: string }) {
  const tasks = useTasks();
  return (
    <section class="screen" aria-labelledby="title">
      <Loaded resource={tasks}>
        {(rows) => {
          const row = rows.find((one) => one.name === name || one.aliases.includes(name));
          if (row === undefined) return <UnknownTask name={name} />;
          return <TaskView row={row} reload={tasks.reload} />;
        }}
      </Loaded>
    </section>
  );
}

function TaskView({ row, reload }: { row: TaskRow; reload: () => void }) {
  const { name, entry, stats } = row;
  return (
    <>
      <TaskHead row={row} reload={reload} />
      {entry.description && <p>{entry.description}</p>}
      <GateNotes row={row} />
      {stats !== null && <TaskCounts name={name} stats={stats} />}
      <div class="job-grid">
        <div class="job-main">
          <section class="card" aria-labelledby="schema">
            <h2 id="schema">Payload schema</h2>
            {entry.payload_schema === null || entry.payload_schema === undefined ? (
              <p class="faint">This task takes any JSON, or its schema can't be said.</p>
            ) : (
              <JsonView value={entry.payload_schema} label="the schema" />
            )}
          </section>
          <Policies policies={entry.policies ?? []} />
        </div>
        <aside class="job-side" aria-label="Facts">
          <TaskFacts row={row} />
        </aside>
      </div>
    </>
  );
}

function TaskHead({ row, reload }: { row: TaskRow; reload: () => void }) {
  const { name, pause: paused, breaker } = row;
  const { pause, resume } = useGate(reload);
  const mayOperate = useMay("operate");
  const mayAdd = useMay("enqueue");
  const isHeld = paused !== null || breaker !== null;
  const toggle = (): void =>
    isHeld ? resume({ task_type: name }, name) : pause({ task_type: name }, name);
  useKeys({
    ...(mayAdd ? { a: () => goTo(href("add", name)) } : {}),
    ...(mayOperate ? { p: toggle } : {}),
  });
  return (
    <header class="screen-head">
      <div>
        <p class="crumbs">
          <a href={href("tasks")}>Tasks</a>
        </p>
        <h1 id="title">
          {name} <TaskMarks row={row} />
        </h1>
      </div>
      <div class="actions">
        {mayAdd && (
          <a class="button primary" href={href("add", name)}>
            Add a job <kbd>a</kbd>
          </a>
        )}
        {mayOperate && (
          <button type="button" onClick={toggle}>
            {isHeld ? "Resume" : "Pause"} <kbd>p</kbd>
          </button>
        )}
        <a class="button" href={href("jobs", "", { task: name })}>
          Its jobs
        </a>
      </div>
    </header>
  );
}

function TaskCounts({ name, stats }: { name: string; stats: StatsRecord }) {
  const states = ["pending", "scheduled", "running", "retrying", "completed", "failed"] as const;
  return (
    <ul class="counts">
      {states.map((status) => (
        <li key={status}>
          <a class={`count-tile status-${status}`} href={href("jobs", "", { task: name, status })}>
            <span class="count-number">{formatShortCount(stats[status])}</span>
            <span class="count-name">{status}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function TaskFacts({ row: { entry, aliases, processes, stats } }: { row: TaskRow }) {
  const facts: readonly (readonly [string, unknown])[] = [
    ["File", entry.file ?? null],
    ["Version", entry.version ?? null],
    ["Also called", aliases.length === 0 ? null : aliases.join(", ")],
    ["Processes that have it", processes],
    ["Completed per minute", stats === null ? null : rate(stats.completed_per_minute)],
    ["Failed per minute", stats === null ? null : rate(stats.failed_per_minute)],
    [
      "Waits, p50 / p95",
      stats && `${formatMs(stats.wait_ms.p50)} / ${formatMs(stats.wait_ms.p95)}`,
    ],
    ["Runs, p50 / p95", stats && `${formatMs(stats.run_ms.p50)} / ${formatMs(stats.run_ms.p95)}`],
  ];
  return (
    <section class="card" aria-labelledby="facts">
      <h2 id="facts">Facts</h2>
      <dl class="facts">
        {facts
          .filter(([, value]) => value !== null && value !== "– / –")
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{String(value)}</dd>
            </div>
          ))}
        <div>
          <dt>Told</dt>
          <dd>
            <Moment at={entry.published_at} />
          </dd>
        </div>
      </dl>
    </section>
  );
}

function Policies({ policies }: { policies: readonly PolicyRecord[] }) {
  if (policies.length === 0) return null;
  return (
    <section class="card" aria-labelledby="policies">
      <h2 id="policies">Policies</h2>
      <table class="policies">
        <thead>
          <tr>
            <th scope="col">Policy</th>
            <th scope="col">Value</th>
            <th scope="col">From</th>
          </tr>
        </thead>
        <tbody>
          {policies.map(({ name, value, source }) => (
            <tr key={name} class={source === "default" ? "faint" : ""}>
              <th scope="row">{name}</th>
              <td>
                <code>{policyText(value)}</code>
              </td>
              <td>{source}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** `{ strategy: "fixed", factor: 2 }` reads "strategy fixed, factor 2". */
function policyText(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (typeof value !== "object" || Array.isArray(value)) return JSON.stringify(value);
  return Object.entries(value)
    .map(
      ([name, member]) => `${name} ${typeof member === "string" ? member : JSON.stringify(member)}`,
    )
    .join(", ");
}

function UnknownTask({ name }: { name: string }) {
  return (
    <Notice title={`No process has told of a task ${name}.`}>
      <p id="title">
        Its jobs, if there are any: <a href={href("jobs", "", { task: name })}>{name}</a>.
      </p>
    </Notice>
  );
}

function rate(perMinute: number): string {
  return perMinute >= 10 ? String(Math.round(perMinute)) : perMinute.toFixed(2);
}
