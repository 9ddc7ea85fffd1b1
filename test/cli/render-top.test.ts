import { describe, expect, test } from "vitest";
import { renderTop } from "../../src/cli/render-top.ts";
import type { LiveSnapshot } from "../../src/store/live-view.ts";

const at = new Date("2030-01-31T08:00:00Z");
const ago = (seconds: number): Date => new Date(at.getTime() - seconds * 1000);
const waiting = { pending: 3, scheduled: 2, blocked: 0, running: 2, retrying: 1, failed: 9 };

const untold = {
  last_beat_at: at,
  tasks: null,
  concurrency: null,
  loop_lag_ms: null,
  rss_bytes: null,
  stuck: null,
};

const snapshot: LiveSnapshot = {
  at,
  processes: [
    {
      id: "taskrun-1",
      host: "a",
      pid: 1,
      version: "1.0",
      started_at: ago(7200),
      silent_ms: 900,
      ...untold,
      running: 2,
    },
    {
      id: "taskrun-2",
      host: "b",
      pid: 2,
      version: "1.0",
      started_at: ago(60),
      silent_ms: 20_000,
      ...untold,
      running: 0,
    },
  ],
  running: [
    {
      id: "17",
      task: "report",
      attempt: 1,
      max_attempts: 3,
      started_at: ago(95),
      process: "taskrun-1",
      progress: { done: 1, total: 4, message: "reading\u001b[2J" },
    },
    {
      id: "18",
      task: "mail",
      attempt: 2,
      max_attempts: 3,
      started_at: ago(1),
      process: "taskrun-1",
      progress: null,
    },
    {
      id: "19",
      task: "scan",
      attempt: 1,
      max_attempts: 1,
      started_at: ago(-1),
      process: "x",
      progress: { done: 40, total: null, message: null },
    },
  ],
  tasks: [{ task: "mail", waiting, completed_per_second: 12.34, failed_per_second: 0 }],
  completed_per_second: 1234.5,
  failed_per_second: 0.2,
  retried_per_second: 0,
  failures: [
    { id: "5", task: "mail", attempt: 3, state: "failed", error: "Error: no\nstack", at: ago(3) },
  ],
};

const texts = (columns: number, rows: number, of = snapshot): string[] =>
  renderTop(of, { columns, rows }).map(({ text }) => text);

test("a wide screen has all there is", () => {
  expect(texts(120, 40)).toEqual([
    "taskrun 08:00:00Z  2 processes  3 running  6 waiting  done 1235/s  failed 0.2/s  retried 0.0/s",
    "",
    "PROCESSES",
    "  a:1  taskrun-1  1.0  up 2h  2 running",
    "  b:2  taskrun-2  1.0  up 1m  0 running  silent for 20s",
    "",
    "RUNNING",
    "      17  report                1/3   1m 35s  [######------------------]  25 %  reading [2J",
    "      18  mail                  2/3       1s",
    "      19  scan                  1/1      0ms  40",
    "",
    "TASKS                      pending scheduled   blocked  retrying   running    done/s  failed/s",
    "  mail                           3         2         0         1         2      12.3       0.0",
    "",
    "LAST FAILURES",
    "  07:59:57       5  mail                  attempt 3  Error: no",
  ]);
});

describe("a small screen", () => {
  test("has no longer lines and no more of them than fit", () => {
    const many = {
      ...snapshot,
      running: Array.from({ length: 50 }, (_, n) => ({ ...snapshot.running[0]!, id: String(n) })),
    };
    for (const [columns, rows] of [
      [40, 24],
      [60, 20],
      [10, 3],
      [1, 1],
    ] as const) {
      const lines = texts(columns, rows, many);
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    }
    const lines = texts(80, 24, many);
    expect(lines).toHaveLength(24);
    expect(lines.some((line) => /… and 4\d more/.test(line))).toBe(true);
    expect(lines).toContain("LAST FAILURES");
  });
});

test("however long a task's name is, its numbers stand beneath their titles", () => {
  const names = ["mail", "holding_back/render_pages", `imports/${"x".repeat(60)}`];
  const tasks = names.map((task) => ({ ...snapshot.tasks[0]!, task }));
  const lines = texts(120, 40, { ...snapshot, tasks });
  const numbers = lines.filter((each) => /^ {2}(mail|hold|imp)/.test(each)).map((l) => l.slice(33));
  expect(numbers).toEqual(
    names.map(() => "3         2         0         1         2      12.3       0.0"),
  );
  expect(lines.join("\n")).toContain("  holding_back/render_pages      3");
  expect(lines.join("\n")).toMatch(/ {2}imports\/x+… 3/);
});

test("handlers that are stuck are counted, on the whole and by process", () => {
  const [first, ...others] = snapshot.processes;
  const processes = [{ ...first!, stuck: 3 }, ...others.map((one) => ({ ...one, stuck: 0 }))];
  const lines = renderTop({ ...snapshot, processes }, { columns: 120, rows: 40 });
  expect(lines[0]?.text).toContain("  3 running  3 stuck  6 waiting  ");
  expect(lines[3]).toEqual({ style: "bad", text: expect.stringMatching(/2 running {2}3 stuck$/) });
  expect(lines[4]?.text).not.toContain("stuck");
});

test("what is bad stands out", () => {
  const bad = renderTop(snapshot, { columns: 120, rows: 40 }).filter(
    ({ style }) => style === "bad",
  );
  expect(bad.map(({ text }) => text.trim().split("  ")[0])).toEqual(["b:2", "07:59:57"]);
});

test("an empty database says none", () => {
  const empty = { ...snapshot, processes: [], running: [], tasks: [], failures: [] };
  expect(texts(80, 24, empty).filter((line) => line === "  none")).toHaveLength(4);
});
