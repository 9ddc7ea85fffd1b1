import fc from "fast-check";
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

describe("for any input", () => {
  const part = fc.tuple(
    fc.oneof(
      fc.nat(10_000).map(String),
      fc.tuple(fc.nat(999), fc.nat(999)).map((n) => n.join(".")),
    ),
    fc.constantFrom(["ms", 1], ["s", 1e3], ["m", 6e4], ["h", 36e5], ["d", 864e5] as const),
  );

  test("parts that follow each other add up", () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const text = parts.map(([amount, [unit]]) => `${amount}${unit}`).join("");
        const sum = parts.reduce((ms, [amount, [, size]]) => ms + Number(amount) * Number(size), 0);
        expect(parseDuration(text)).toBeCloseTo(sum, 3);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test("what is written of milliseconds parses to the same, whatever they are", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e14 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
        expect(parseDuration(ms)).toBe(ms);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test("it is a time that can be waited for, or it is refused in a few words", () => {
    const texts = fc.oneof(
      fc.anything({ withBigInt: true, withNullPrototype: true }),
      fc.string({ unit: fc.constantFrom(..."0123456789.-+eE smhd") }),
      fc.string({ minLength: 1_000, maxLength: 2_000 }),
    );
    fc.assert(
      fc.property(texts, (given) => {
        try {
          // why: callers without types give whatever they have
          const ms = parseDuration(given as string);
          expect(Number.isFinite(ms) && ms >= 0).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: "bad-duration" });
          expect(String(error).length).toBeLessThan(300);
        }
      }),
      { seed: 1, numRuns: 1_000 },
    );
  });
});
