import { expect, test } from "vitest";
import { describeJob } from "../../src/cli/describe-job.ts";
import type { JobStory } from "../../src/store/job-story.ts";

const at = (seconds: number): Date => new Date(Date.UTC(2030, 0, 31, 8, 0, seconds));

const story: JobStory = {
  job: {
    id: "17",
    task: "order",
    state: "failed",
    priority: -10,
    queue: "orders",
    key: null,
    attempts: 2,
    max_attempts: 3,
    payload: { order: 7 },
    output: null,
    metadata: null,
    error: "no stock",
    created_at: at(0),
    run_at: at(5),
    started_at: at(20),
    finished_at: at(22),
    correlation_id: null,
    created_by: "ada",
    parent_id: "16",
    process: "taskrun-1",
    progress: { done: 1, total: 3, message: "packing" },
  },
  failed_attempts: [
    {
      attempt: 1,
      state: "retrying",
      error_name: "Error",
      error_message: "timeout",
      error_stack: "Error: timeout\n    at pack (order.ts:3:4)",
      rule: "default",
      started_at: at(6),
      finished_at: at(10),
      next_run_at: at(20),
      process: "taskrun-1",
    },
  ],
  steps: [
    {
      name: "reserve",
      state: "compensated",
      compensable: true,
      attempt: 1,
      result: { hold: 7 },
      error: null,
      started_at: at(6),
      finished_at: at(7),
      compensated_at: at(23),
    },
  ],
  parent: { id: "16", task: "import", state: "completed" },
  children: [],
  waits_for: [{ id: "3", task: null, state: null }],
  waited_for_by: [],
  logs: [{ attempt: 1, logged_at: at(8), level: "warn", message: "slow", fields: { ms: 9 } }],
  explanation: {
    id: "17",
    state: "failed",
    reason: "attempts-exhausted",
    sentence: "It has failed for good.",
    facts: {},
  },
};

test("a job is told from what it is to what happened, in the order of time", () => {
  const lines = describeJob(story).map(({ title, text }) => (title ? `${title}: ${text}` : text));
  expect(lines).toEqual([
    "id: 17",
    "task: order",
    "state: failed",
    "why: It has failed for good.",
    "attempts: 2 of 3",
    "priority: -10",
    "queue: orders",
    "created by: ada",
    "process: taskrun-1",
    'payload: {"order":7}',
    "progress: 1 of 3 (33 %), packing",
    "error: no stock",
    "",
    "timeline: ",
    "  2030-01-31T08:00:00.000Z  queued",
    "  2030-01-31T08:00:05.000Z  due",
    "  2030-01-31T08:00:06.000Z  attempt 1 started",
    "  2030-01-31T08:00:07.000Z  step reserve done",
    "  2030-01-31T08:00:10.000Z  attempt 1 failed after 4s (retrying, by the rule default)",
    "                            Error: timeout",
    "                                at pack (order.ts:3:4)",
    "                            next run 2030-01-31T08:00:20.000Z",
    "  2030-01-31T08:00:20.000Z  attempt 2 started",
    "  2030-01-31T08:00:22.000Z  failed, 2s after its last start",
    "  2030-01-31T08:00:23.000Z  step reserve compensated",
    "",
    "steps: ",
    '  reserve: compensated, in attempt 1, 1s  {"hold":7}',
    "",
    "jobs: ",
    "  enqueued by 16 (import, completed)",
    "  waits for 3 (no longer kept)",
    "",
    "log: ",
    '  2030-01-31T08:00:08.000Z  warn  [1] slow  {"ms":9}',
  ]);
});

test("a large payload is cut, and where to see it all is said", () => {
  const large = { ...story, job: { ...story.job, payload: "x".repeat(10_000) } };
  const payload = describeJob(large).find(({ title }) => title === "payload");
  expect(payload?.text).toHaveLength(2_000 + "… (--json shows all)".length);
});

test("a job that was cancelled before it was due never became due", () => {
  const job = { ...story.job, state: "cancelled", run_at: at(59) } as const;
  const lines = describeJob({ ...story, job }).map(({ text }) => text);
  expect(lines.some((line) => line.endsWith("  due"))).toBe(false);
});

test("a job that is blocked for no known time has no due moment", () => {
  const never = { ...story.job, run_at: new Date(Number.NaN), started_at: null, finished_at: null };
  const lines = describeJob({ ...story, job: never }).map(({ text }) => text);
  expect(lines.some((line) => line.endsWith("  due"))).toBe(false);
});
