import { expect, test } from "vitest";
import { WaitingJobs } from "../../../src/runtime/fetching/waiting-jobs.ts";
import { QueueJob } from "../../../src/store/queue/queue-job.ts";

function job(id: string, priority = 0): QueueJob {
  const row = [id, "1", "{}", "1", null, String(priority), "0", ...Array(7).fill(null), "(0,1)"];
  // why: the columns of a fetched row, in their order
  return new QueueJob(row as ConstructorParameters<typeof QueueJob>[0], "t", "p", new Date());
}

function leave(jobs: WaitingJobs): string[] {
  const ids: string[] = [];
  for (let next = jobs.next(); next !== undefined; next = jobs.next()) ids.push(next.id);
  return ids;
}

test("jobs leave in the order they came in, and what is more urgent goes before them", () => {
  const jobs = new WaitingJobs();
  const fetched = [job("1"), job("2"), job("3")];
  jobs.add(fetched);
  expect(jobs.next()?.id).toBe("1");
  jobs.add([job("9", -100), job("4")]);
  jobs.add([]);
  expect(jobs.count).toBe(4);
  expect(leave(jobs)).toEqual(["9", "2", "3", "4"]);
  expect(jobs.count).toBe(0);
  expect(jobs.next()).toBeUndefined();
  expect(fetched.map(({ id }) => id)).toEqual(["1", "2", "3"]);
});

test("what is removed doesn't leave; the others keep their order", () => {
  const jobs = new WaitingJobs();
  jobs.add(["1", "2", "3", "4", "5"].map((id) => job(id)));
  const even = (waiting: QueueJob) => Number(waiting.id) % 2 === 0;
  expect(jobs.countOf(even)).toBe(2);
  expect(new Set(jobs.remove(even).map(({ id }) => id))).toEqual(new Set(["2", "4"]));
  expect(jobs.remove(even)).toEqual([]);
  expect(leave(jobs)).toEqual(["1", "3", "5"]);
});
