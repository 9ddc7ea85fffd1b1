import { expect, test } from "vitest";
import { UnsettledJobs } from "../../../src/runtime/fetching/unsettled-jobs.ts";
import { QueueJob } from "../../../src/store/queue/queue-job.ts";

function job(id: string): QueueJob {
  const row = [id, "1", "{}", "1", null, null, "0", ...Array(7).fill(null), "(0,1)"];
  // why: the columns of a fetched row, in their order
  return new QueueJob(row as ConstructorParameters<typeof QueueJob>[0], "t", "p", new Date());
}

test("a job is known until its outcome has landed", () => {
  const jobs = new UnsettledJobs();
  expect(jobs.add(job("1"))).toBe(true);
  expect(jobs.has("1")).toBe(true);
  expect(jobs.settled("1")).toBeUndefined();
  expect(jobs.has("1")).toBe(false);
});

test("a job that comes again before that waits for it, and stays known", () => {
  const jobs = new UnsettledJobs();
  jobs.add(job("1"));
  const again = job("1");
  expect(jobs.add(again)).toBe(false);
  expect(jobs.settled("1")).toBe(again);
  expect(jobs.has("1")).toBe(true);
  expect(jobs.settled("1")).toBeUndefined();
  expect(jobs.has("1")).toBe(false);
});
