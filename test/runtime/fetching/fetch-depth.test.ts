import { expect, test } from "vitest";
import { FetchDepth } from "../../../src/runtime/fetching/fetch-depth.ts";

/** Full batches, each worked off at that pace, with `waitMs` for the next one in between. */
function afterFullBatches(
  depth: FetchDepth,
  { batches, jobsPerMs, waitMs }: { batches: number; jobsPerMs: number; waitMs: number },
): number {
  let nowMs = 1000;
  for (let batch = 0; batch < batches; batch += 1) {
    const jobs = depth.depth;
    depth.busy(nowMs);
    depth.full(nowMs);
    nowMs += jobs / jobsPerMs;
    for (let job = 0; job < jobs; job += 1) depth.finished();
    depth.idle(nowMs);
    nowMs += waitMs;
  }
  return depth.depth;
}

test("a queue not known to be deep is fetched by free slots", () => {
  expect(new FetchDepth(10).depth).toBe(10);
});

test("full batches of quick jobs deepen it to fifty milliseconds of work, within a few steps", () => {
  const depth = afterFullBatches(new FetchDepth(10), { batches: 6, jobsPerMs: 20, waitMs: 0 });
  expect(depth).toBeGreaterThan(900);
  expect(depth).toBeLessThanOrEqual(1010);
});

test("it never takes more than 2,000 ahead", () => {
  expect(afterFullBatches(new FetchDepth(10), { batches: 9, jobsPerMs: 500, waitMs: 0 })).toBe(
    2010,
  );
});

test("a slow database doesn't make it shallow: waiting for a batch is not work", () => {
  const depth = afterFullBatches(new FetchDepth(10), { batches: 8, jobsPerMs: 20, waitMs: 120 });
  expect(depth).toBeGreaterThan(900);
});

test("slow jobs keep it near the free slots", () => {
  const depth = afterFullBatches(new FetchDepth(10), { batches: 8, jobsPerMs: 0.05, waitMs: 5 });
  expect(depth).toBeLessThanOrEqual(13);
});

test("it follows when the jobs become slow", () => {
  const depth = new FetchDepth(10);
  afterFullBatches(depth, { batches: 8, jobsPerMs: 40, waitMs: 0 });
  expect(afterFullBatches(depth, { batches: 12, jobsPerMs: 0.1, waitMs: 0 })).toBeLessThan(30);
});

test("an emptied queue is fetched by free slots again", () => {
  const depth = new FetchDepth(10);
  afterFullBatches(depth, { batches: 6, jobsPerMs: 20, waitMs: 0 });
  depth.drained();
  expect(depth.depth).toBe(10);
});
