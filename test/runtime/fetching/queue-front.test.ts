import { beforeEach, expect, test } from "vitest";
import { QueueFront } from "../../../src/runtime/fetching/queue-front.ts";
import { QueueJob } from "../../../src/store/queue/queue-job.ts";

const tasks = new Map([[1, "work"]]);
let front: QueueFront;
beforeEach(() => {
  front = new QueueFront();
});

function job(id: number, queue: string | null = null): QueueJob {
  const row = [`${id}`, "1", "{}", "1", null, null, "1700000000.25", null, null, null, queue];
  // why: with these they are exactly the columns of a fetched row
  const whole = row.concat(null, null, null, "(0,1)") as ConstructorParameters<typeof QueueJob>[0];
  return new QueueJob(whole, "work", "p", new Date());
}

/** A look from the start at 0, which took 20 ms. */
function look(jobs: readonly QueueJob[]): void {
  front.looked(tasks, jobs, { askedAtMs: 0, nowMs: 20 });
}

/** A fetch from the place on, which took 20 ms. */
function goOn(jobs: readonly QueueJob[], serialJobsWait = false, askedAtMs = 20): void {
  const after = front.after(tasks, askedAtMs);
  if (after === null) throw new Error("there is no place to go on from");
  front.wentOn(after, { jobs, serialJobsWait }, { askedAtMs, nowMs: askedAtMs + 20 });
}

test("it goes on after the last job that came", () => {
  expect(front.after(tasks, 0)).toBeNull();
  look([job(1), job(2)]);
  expect(front.after(tasks, 21)).toMatchObject({ id: "2", runAtSeconds: "1700000000.25" });
  goOn([job(3)]);
  expect(front.after(tasks, 22)?.id).toBe("3");
  goOn([]);
  expect(front.after(tasks, 23)?.id).toBe("3");
});

test("it looks from the start again when ten times the last look's time is over", () => {
  look([job(1)]);
  expect(front.after(tasks, 219)?.id).toBe("1");
  expect(front.after(tasks, 220)).toMatchObject({ priority: -32_768, runAtSeconds: "-Infinity" });
  expect(front.arrived(tasks)?.id).toBe("1");
  goOn([job(2)], false, 220);
  expect(front.after(tasks, 439)?.id).toBe("2");
  expect(front.after(tasks, 440)?.priority).toBe(-32_768);
});

test("a quick look is repeated after a tenth of a second, one that takes for ever after ten", () => {
  front.looked(tasks, [job(1)], { askedAtMs: 0, nowMs: 1 });
  expect([front.after(tasks, 100)?.id, front.after(tasks, 101)?.id]).toEqual(["1", "0"]);
  front.looked(tasks, [job(1)], { askedAtMs: 0, nowMs: 60_000 });
  expect([front.after(tasks, 69_999)?.id, front.after(tasks, 70_000)?.id]).toEqual(["1", "0"]);
});

test("other tasks are looked for from the start", () => {
  look([job(1)]);
  expect(front.after(new Map(tasks), 30)).toBeNull();
});

test("serial jobs that start, and the end of the queue, make each fetch one from the start", () => {
  look([job(1), job(2, "line")]);
  expect(front.after(tasks, 30)).toBeNull();
  look([job(1)]);
  front.looked(null, [job(2)], { askedAtMs: 20, nowMs: 40 });
  expect(front.after(tasks, 50)).toBeNull();
  look([job(1)]);
  front.forget();
  expect(front.after(tasks, 30)).toBeNull();
});

test("serial jobs that begin to wait are looked for at once, those that go on waiting now and then", () => {
  look([job(1)]);
  goOn([job(2)], true);
  expect(front.after(tasks, 30)).toBeNull();
  look([job(3)]);
  goOn([job(4)], true);
  expect(front.after(tasks, 30)?.id).toBe("4");
  expect(front.after(tasks, 220)).toBeNull();
  goOn([job(5)]);
  expect(front.after(tasks, 220)?.id).toBe("0");
  goOn([job(6)], true);
  expect(front.after(tasks, 30)).toBeNull();
});
