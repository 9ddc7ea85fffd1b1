import { expect, test } from "vitest";
import { type Measurement, measure } from "../../src/middleware/measure.ts";
import { startAttempt } from "../support/start-attempt.ts";

test("each attempt is told, however it ended", async () => {
  const told: Measurement[] = [];
  const middleware = [measure((measurement) => told.push(measurement))];
  await startAttempt({ middleware, handler: async () => 1 }).outcome;
  await startAttempt({ middleware, handler: () => Promise.reject(new Error("x")) }).outcome;
  expect(told).toEqual([
    { task: "example", durationMs: expect.any(Number), threw: false },
    { task: "example", durationMs: expect.any(Number), threw: true },
  ]);
});

test("a report that fails changes nothing and is told", async () => {
  const { outcome, lines } = startAttempt({
    middleware: [measure(() => Promise.reject(new Error("no metrics")))],
    handler: async () => 1,
  });
  expect(await outcome).toEqual({ state: "completed", outputJson: "1" });
  expect(lines).toContainEqual(
    expect.objectContaining({ msg: "the report of a measurement failed", jobId: "17" }),
  );
});
