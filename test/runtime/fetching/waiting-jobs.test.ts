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

test("jobs whose code is still to come count, but leave only once it is here", async () => {
  const code = Promise.withResolvers<void>();
  let ready = 0;
  const jobs = new WaitingJobs(
    () => (waiting) => (Number(waiting.id) % 2 === 0 ? code.promise : null),
    () => {
      ready += 1;
    },
  );
  const [one, two, three, four] = [job("1"), job("2"), job("3"), job("4", -1)];
  jobs.add([one, two, three, four]);
  expect([jobs.count, jobs.ready]).toEqual([4, 2]);
  expect(jobs.countOf((waiting) => waiting === two)).toBe(1);
  expect([one, two].map(jobs.readySince(Date.now() + 1000))).toEqual([true, false]);
  expect(jobs.remove((waiting) => waiting === two)).toEqual([two]);
  expect(leave(jobs)).toEqual(["1", "3"]);
  expect([jobs.count, jobs.ready, ready]).toEqual([1, 0, 0]);
  code.resolve();
  await code.promise;
  expect([jobs.count, jobs.ready, ready]).toEqual([1, 1, 2]);
  expect(leave(jobs)).toEqual(["4"]);
});
