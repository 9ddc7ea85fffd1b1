import { describe, expect, test } from "vitest";
import { formatDuration, parseDuration } from "../../src/core/duration.ts";

describe("parseDuration", () => {
  test.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["24h", 86_400_000],
    ["7d", 604_800_000],
    ["1h30m", 5_400_000],
    ["1d2h3m4s5ms", 93_784_005],
    ["1.5s", 1_500],
    ["0s", 0],
    [250, 250],
    [0, 0],
  ])("%j is %d milliseconds", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    "",
    "5",
    "5 m",
    "m",
    "-5m",
    "5M",
    "5mins",
    "1h-2m",
    "1e3s",
    "infinity",
    "99999999999999999d",
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    null,
    undefined,
    {},
  ])("%j is refused with an example of what is right", (wrong) => {
    expect(() => parseDuration(wrong as never)).toThrow(
      expect.objectContaining({
        code: "bad-duration",
        message: expect.stringMatching(/is not a duration\. Write a duration like "500ms"/),
      }),
    );
  });

  test("a refusal quotes what it got", () => {
    expect(() => parseDuration("5 minutes")).toThrow('"5 minutes" is not a duration');
  });
});

describe("formatDuration", () => {
  test.each([
    [0, "0ms"],
    [-5, "0ms"],
    [500, "500ms"],
    [1_500, "1s500ms"],
    [60_000, "1m"],
    [5_400_000, "1h30m"],
    [604_800_000, "7d"],
  ])("%d is %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test("what it writes parses to the same milliseconds", () => {
    for (let ms = 1; ms < 1e12; ms = ms * 3 + 7) expect(parseDuration(formatDuration(ms))).toBe(ms);
  });
});
