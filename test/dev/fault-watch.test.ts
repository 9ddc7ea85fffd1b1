import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LoadFailure } from "../../src/core/catalog.ts";
import { type Fault, FaultWatch } from "../../src/dev/fault-watch.ts";

let told: string[];
let watch: FaultWatch;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  told = [];
  const words = (faults: readonly Fault[]) =>
    faults.map(({ failure, tasks }) => `${failure.file} ${failure.reason} [${tasks}]`);
  watch = new FaultWatch((found, mended) => {
    told.push(...words(found).map((each) => `found ${each}`));
    told.push(...words(mended).map((each) => `mended ${each}`));
  });
  watch.start([]);
});

afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

function failure(file: string, reason: string, task: string | null = file): LoadFailure {
  return { code: "syntax-error", task, file, line: 1, column: 1, reason, fix: "", frame: null };
}

test("a fault that lasts is told once, and once when it is mended", () => {
  watch.update([failure("a", "broken")]);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(60);
  watch.update([failure("a", "broken")]);
  vi.advanceTimersByTime(200);
  expect(told).toEqual(["found a broken [a]"]);
  watch.update([]);
  vi.advanceTimersByTime(60);
  expect(told).toEqual(["found a broken [a]", "mended a broken [a]"]);
});

test("a fault that is gone at once is never told", () => {
  watch.update([failure("a", "half a file")]);
  vi.advanceTimersByTime(20);
  watch.update([]);
  vi.advanceTimersByTime(500);
  expect(told).toEqual([]);
});

test("a stream of new faults holds up none that lasts", () => {
  for (let round = 0; round < 10; round += 1) {
    watch.update([failure("a", "broken"), failure("b", `fault ${round}`)]);
    vi.advanceTimersByTime(20);
  }
  expect(told).toEqual(["found a broken [a]"]);
  vi.advanceTimersByTime(60);
  expect(told).toEqual(["found a broken [a]", "found b fault 9 [b]"]);
});

test("one place that stops many tasks is one fault", () => {
  watch.update(["three", "one", "two"].map((task) => failure("helper", "broken", task)));
  vi.advanceTimersByTime(60);
  expect(told).toEqual(["found helper broken [one,three,two]"]);
});

test("another fault in the same file takes the place of the first, which isn't mended", () => {
  watch.update([failure("a", "first")]);
  vi.advanceTimersByTime(60);
  watch.update([failure("a", "second")]);
  vi.advanceTimersByTime(60);
  expect(told).toEqual(["found a first [a]", "found a second [a]"]);
});

test("what was told before the start is not told again", () => {
  watch.start([failure("a", "broken")]);
  watch.update([failure("a", "broken")]);
  vi.advanceTimersByTime(100);
  expect(told).toEqual([]);
  watch.update([]);
  vi.advanceTimersByTime(100);
  expect(told).toEqual(["mended a broken [a]"]);
});
