import { expect, test } from "vitest";
import { byPriority, QueueJob, type QueueRow } from "../../../src/store/queue/queue-job.ts";

const fetchedAt = new Date("2026-03-01T00:00:00Z");

/** As Postgres sends it; the columns named in `more` differ. */
function jobOf(more: Readonly<Record<number, string | null>> = {}): QueueJob {
  const row: QueueRow = [
    "9007199254740993",
    "3",
    '{"n": 1}',
    "2",
    "5",
    "-10",
    "1767225600.25",
    "1767225500",
    "it broke",
    "k",
    "line",
    "4",
    '{"gpu": true}',
    JSON.stringify({
      correlation_id: "c",
      created_by: "ada",
      parent_id: "7",
      metadata: { a: 1 },
      retry: { type: "fixed", interval_ms: 5, max_attempts: 2 },
      timeout_ms: 0,
      ending: null,
      suspect: true,
      crashes: 2,
    }),
    "(12,7)",
  ];
  // why: each value stays text or null
  const changed = Object.assign(row, more) as QueueRow;
  return new QueueJob(changed, "t", "p", fetchedAt);
}

test("every column reads as the job's property", () => {
  expect(jobOf()).toMatchObject({
    id: "9007199254740993",
    task: "t",
    payload: { n: 1 },
    attempt: 2,
    maxAttempts: 5,
    priority: -10,
    runAt: new Date(1_767_225_600_250),
    createdAt: new Date(1_767_225_500_000),
    lastError: "it broke",
    key: "k",
    queue: "line",
    revision: 4,
    flags: { gpu: true },
    hasDetails: true,
    correlationId: "c",
    createdBy: "ada",
    parentId: "7",
    metadata: { a: 1 },
    retry: { type: "fixed", interval_ms: 5, max_attempts: 2 },
    timeoutMs: false,
    ending: null,
    suspect: true,
    crashes: 2,
    lockedBy: "p",
  });
});

test("it answers to graphile-worker's names too", () => {
  expect(jobOf()).toMatchObject({
    task_identifier: "t",
    attempts: 2,
    max_attempts: 5,
    last_error: "it broke",
    created_at: new Date(1_767_225_500_000),
    run_at: new Date(1_767_225_600_250),
    updated_at: fetchedAt,
    locked_at: fetchedAt,
    locked_by: "p",
    queue_name: "line",
  });
});

test("what a job doesn't have is null, and what is left out is the usual", () => {
  const bare = jobOf({
    4: null,
    5: null,
    7: null,
    8: null,
    9: null,
    10: null,
    11: null,
    12: null,
    13: null,
  });
  expect(bare).toMatchObject({
    maxAttempts: 25,
    priority: 0,
    createdAt: bare.runAt,
    lastError: null,
    key: null,
    queue: null,
    revision: 0,
    flags: null,
    hasDetails: false,
    metadata: null,
  });
});

test("a payload is parsed once; escapes that Postgres keeps come out as characters", () => {
  const job = jobOf({ 2: '{"s": "a\\u0000b"}' });
  expect(job.payload).toEqual({ s: "a\0b" });
  expect(job.payload).toBe(job.payload);
  expect(jobOf({ 2: "null" }).payload).toBeNull();
});

test("jobs are ordered by priority, then by due time, then by id as a number", () => {
  const late = jobOf({ 0: "1", 6: "1767225601" });
  const ten = jobOf({ 0: "10" });
  const nine = jobOf({ 0: "9" });
  const urgent = jobOf({ 0: "11", 5: "-100" });
  expect([late, ten, nine, urgent].sort(byPriority)).toEqual([urgent, nine, ten, late]);
});
