import { expect, test } from "vitest";
import type { AttemptRecord } from "../../../src/dashboard/api/records.ts";
import { jobTimeline } from "../../../src/dashboard/job/job-timeline.ts";
import { jobDetails } from "../job-details.ts";

const at = (second: number): string => new Date(Date.UTC(2030, 0, 31, 8, 0, second)).toISOString();

const failedAttempt = (attempt: number, from: number, state = "retrying"): AttemptRecord => ({
  attempt,
  state,
  rule: "other",
  started_at: at(from),
  finished_at: at(from + 1),
  next_run_at: null,
  process: null,
  run_ms: 1_000,
  error: { name: "TypeError", message: "no luck", stack: null },
});

const said = (job: Parameters<typeof jobDetails>[0]) =>
  jobTimeline(jobDetails(job)).map(({ what }) => what);

test("a job that waits was added, and is due", () => {
  const job = { status: "scheduled", scheduled_at: at(30), created_by: "ops" } as const;
  expect(said(job)).toEqual(["Added for ops", "Due"]);
});

test("a job that completed at its second attempt tells of both", () => {
  const events = jobTimeline(
    jobDetails({
      status: "completed",
      attempts: [failedAttempt(1, 1)],
      current_attempt: 2,
      started_at: at(4),
      completed_at: at(9),
      run_ms: 5_000,
    }),
  );
  expect(events.map(({ kind, what }) => [kind, what])).toEqual([
    ["added", "Added"],
    ["running", "Attempt 1 began"],
    ["retrying", "Attempt 1 retrying after 1 s: TypeError: no luck"],
    ["running", "Attempt 2 began"],
    ["completed", "Completed after 5 s"],
  ]);
});

test("a job that failed says so once", () => {
  const job = {
    status: "failed",
    attempts: [failedAttempt(1, 1, "failed")],
    current_attempt: 1,
    started_at: at(1),
    completed_at: at(2),
  } as const;
  expect(said(job)).toEqual([
    "Added",
    "Attempt 1 began",
    "Attempt 1 failed after 1 s: TypeError: no luck",
  ]);
});

test("a job that runs says since when, and who added it", () => {
  const parent = { id: "3", task_type: "order", status: "completed" };
  const job = { status: "running", started_at: at(2), current_attempt: 1, parent } as const;
  expect(said(job)).toEqual(["Added by job 3", "Attempt 1 began"]);
});

test("a job that was cancelled says why", () => {
  const job = { status: "cancelled", completed_at: at(2), error: "customer left" } as const;
  expect(said(job)).toEqual(["Added", "Cancelled: customer left"]);
});
