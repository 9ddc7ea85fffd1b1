/** The picture of `taskrun top`: a pure function from what happens to the lines of a screen. */

import { roughDuration } from "../core/rough-duration.ts";
import type { LiveFailure, LiveProcess, LiveSnapshot, LiveTask } from "../store/live-view.ts";
import type { RunningJob } from "../store/queue/read-running.ts";

export interface ScreenSize {
  readonly columns: number;
  /** Infinity for paper. */
  readonly rows: number;
}

export interface ScreenLine {
  readonly text: string;
  readonly style: "title" | "plain" | "bad";
}

const shares = { processes: 5, failures: 5, tasks: 8 };

/** No more lines than the screen has rows, none longer than it is wide. */
export function renderTop(snapshot: LiveSnapshot, { columns, rows }: ScreenSize): ScreenLine[] {
  const { at, processes, running, tasks, failures } = snapshot;
  const ageOf = (since: Date): string => roughDuration(Math.max(0, at.getTime() - since.getTime()));
  const top = [
    line(summaryOf(snapshot)),
    ...section("PROCESSES", processes, shares.processes, (one) => processLine(one, ageOf)),
  ];
  const bottom = [
    ...section("TASKS", tasks, shares.tasks, taskLine, taskHeader),
    ...section("LAST FAILURES", failures, shares.failures, failureLine),
  ];
  const room = Math.max(1, rows - top.length - bottom.length - 2);
  const width = barWidth(columns);
  const middle = section("RUNNING", running, room, (one) => runningLine(one, ageOf, width));
  const lines = [...top, ...middle, ...bottom].slice(0, rows);
  return lines.map(({ text, style }) => ({ style, text: clipped(text, columns) }));
}

function line(text: string, style: ScreenLine["style"] = "plain"): ScreenLine {
  return { text, style };
}

function clipped(text: string, columns: number): string {
  // A control character in an error would move the cursor.
  const clean = text.replaceAll(/\p{Cc}/gu, " ").trimEnd();
  return clean.length > columns ? `${clean.slice(0, Math.max(0, columns - 1))}…` : clean;
}

function section<Item>(
  title: string,
  items: readonly Item[],
  room: number,
  show: (item: Item) => ScreenLine,
  header?: string,
): ScreenLine[] {
  const shown = items.length > room ? items.slice(0, Math.max(0, room - 1)) : items;
  const rest = items.length - shown.length;
  const lines = shown.map(show);
  if (rest > 0) lines.push(line(`  … and ${rest} more`));
  if (items.length === 0) lines.push(line("  none"));
  return [line(""), line(`${title}${header ?? ""}`, "title"), ...lines];
}

function summaryOf(snapshot: LiveSnapshot): string {
  const { at, processes, running, tasks } = snapshot;
  const waiting = tasks.reduce(
    (sum, { waiting: w }) => sum + w.pending + w.scheduled + w.blocked + w.retrying,
    0,
  );
  const stuck = processes.reduce((sum, one) => sum + (one.stuck ?? 0), 0);
  return [
    `taskrun ${at.toISOString().slice(11, 19)}Z`,
    `${processes.length} ${processes.length === 1 ? "process" : "processes"}`,
    `${running.length} running`,
    ...(stuck === 0 ? [] : [`${stuck} stuck`]),
    `${waiting} waiting`,
    `done ${rate(snapshot.completed_per_second)}/s`,
    `failed ${rate(snapshot.failed_per_second)}/s`,
    `retried ${rate(snapshot.retried_per_second)}/s`,
  ].join("  ");
}

function rate(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

const longSilenceMs = 10_000;

function processLine(one: LiveProcess, ageOf: (since: Date) => string): ScreenLine {
  const { id, host, pid, version, started_at, silent_ms, running } = one;
  const stuck = one.stuck === null || one.stuck === 0 ? "" : `  ${one.stuck} stuck`;
  const silent = silent_ms > longSilenceMs ? `  silent for ${roughDuration(silent_ms)}` : "";
  const bad = stuck + silent;
  const text = `  ${host}:${pid}  ${id}  ${version}  up ${ageOf(started_at)}  ${running} running${bad}`;
  return line(text, bad === "" ? "plain" : "bad");
}

function barWidth(columns: number): number {
  return Math.max(5, Math.min(30, Math.floor(columns / 5)));
}

function runningLine(job: RunningJob, ageOf: (since: Date) => string, width: number): ScreenLine {
  const { id, task, attempt, max_attempts, started_at, progress } = job;
  const age = ageOf(started_at).padStart(7);
  const start = `  ${id.padStart(6)}  ${task.padEnd(20)}  ${attempt}/${max_attempts}  ${age}  `;
  if (progress === null) return line(start);
  const { done, total, message } = progress;
  const told = message === null ? "" : `  ${message}`;
  if (total === null || total <= 0) return line(`${start}${done}${told}`);
  const share = Math.min(1, Math.max(0, done / total));
  const full = Math.round(share * width);
  const bar = `[${"#".repeat(full)}${"-".repeat(width - full)}]`;
  return line(`${start}${bar} ${String(Math.floor(share * 100)).padStart(3)} %${told}`);
}

const columnsOfTasks = ["pending", "scheduled", "blocked", "retrying", "running"] as const;
const taskHeader = `${" ".repeat(19)}${columnsOfTasks.map((state) => state.padStart(10)).join("")}    done/s  failed/s`;

/** Up to the end of the first count. A long name takes what room that one leaves, no more. */
const widthOfFirst = 34;

function taskLine({ task, waiting, ...rates }: LiveTask): ScreenLine {
  const [first = "", ...others] = columnsOfTasks.map((state) => String(waiting[state]));
  const name = clipped(`  ${task}`, widthOfFirst - first.length - 1);
  const start = name.padEnd(widthOfFirst - first.length) + first;
  const counts = others.map((count) => count.padStart(10)).join("");
  const done = rate(rates.completed_per_second).padStart(10);
  const failed = rate(rates.failed_per_second).padStart(10);
  return line(`${start}${counts}${done}${failed}`);
}

function failureLine({ id, task, attempt, state, error, at }: LiveFailure): ScreenLine {
  const [first = ""] = (error ?? "").split("\n");
  const when = at.toISOString().slice(11, 19);
  const text = `  ${when}  ${id.padStart(6)}  ${(task ?? "").padEnd(20)}  attempt ${attempt}  ${first}`;
  return line(text, state === "failed" ? "bad" : "plain");
}
