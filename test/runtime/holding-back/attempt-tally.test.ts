import { expect, test } from "vitest";
import { AttemptTally } from "../../../src/runtime/holding-back/attempt-tally.ts";

/** "f" is a failure, "s" a success. */
function countsOf(attempts: string) {
  const tally = new AttemptTally();
  for (const [n, each] of [...attempts].entries()) {
    if (each === "f") tally.fail(`error ${n}`);
    else tally.succeed();
  }
  return tally.counts;
}

test.each([
  ["fff", { failures: 3, longest: 0, lastRun: null, error: "error 2" }],
  ["s", { failures: 0, longest: 0, lastRun: 0, error: null }],
  ["ffsf", { failures: 2, longest: 1, lastRun: 1, error: "error 3" }],
  ["fsffffsf", { failures: 1, longest: 4, lastRun: 1, error: "error 7" }],
  ["sfffs", { failures: 0, longest: 3, lastRun: 0, error: "error 3" }],
])("%s is told by its runs of failures", (attempts, counts) => {
  expect(countsOf(attempts)).toEqual(counts);
});
