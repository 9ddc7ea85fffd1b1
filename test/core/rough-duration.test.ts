import { expect, test } from "vitest";
import { roughDuration } from "../../src/core/rough-duration.ts";

test.each([
  [0, "0ms"],
  [45.4, "45ms"],
  [999.6, "1s"],
  [4321, "4.3s"],
  [9999, "10s"],
  [59_999, "1m"],
  [95_000, "1m 35s"],
  [119_900, "2m"],
  [3_600_000, "1h"],
  [3_605_000, "1h"],
  [5_400_000, "1h 30m"],
  [86_400_000, "1d"],
  [90_061_000, "1d 1h"],
  [-95_000, "1m 35s"],
])("%d ms is read as %s", (ms, text) => {
  expect(roughDuration(ms)).toBe(text);
});
