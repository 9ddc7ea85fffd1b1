import { expect, test } from "vitest";
import { checkOption, unknownKey } from "../../src/config/check-option.ts";

test("a right value comes back in its resolved form", () => {
  expect(checkOption("pollInterval", "1m30s")).toEqual({ ok: true, value: 90_000 });
  expect(checkOption("defaults", { timeout: "5m" })).toEqual({
    ok: true,
    value: { timeout: "5m" },
  });
});

test("every fault inside a value is told with its own path and value", () => {
  const checked = checkOption("defaults", {
    retry: { strategy: "random", maxDelay: "never" },
    timeout: true,
    priority: "urgent",
  });
  expect(checked).toMatchObject({ ok: false });
  expect(
    checked.ok ? [] : checked.faults.map((fault) => `${fault.option}: ${fault.reason}`),
  ).toEqual([
    'defaults.retry.strategy: got "random", expected "exponential", "linear" or "fixed"',
    'defaults.retry.maxDelay: got "never", ' +
      'expected a duration like "30s" or a number of milliseconds',
    "defaults.timeout: got true, " +
      'expected a duration like "30s" or a number of milliseconds, or false',
    'defaults.priority: got "urgent", ' +
      'expected "critical", "high", "normal", "low" or a whole number from -32768 to 32767',
  ]);
});

test("an unknown name that resembles none is answered with those there are", () => {
  expect(unknownKey("defaults.zzz", "zzz", ["retry", "timeout"]).fix).toBe(
    "Known are: retry, timeout.",
  );
});

test("a value that can't be read is a fault like any other", () => {
  const unreadable = {
    get retry() {
      throw new Error("hands off");
    },
  };
  expect(checkOption("defaults", unreadable)).toEqual({
    ok: false,
    faults: [{ option: "defaults", reason: "it can't be read (hands off)", fix: null }],
  });
});
