import { expect, test } from "vitest";
import { directiveBrand, isDirective } from "../../src/core/outcome.ts";

test("a directive is known by its brand, across copies of the package", () => {
  expect(isDirective({ [directiveBrand]: "snooze", delayMs: 1, reason: null })).toBe(true);
  expect(isDirective({ [Symbol.for("taskrun.directive")]: "cancel" })).toBe(true);
});

test.each([null, undefined, "snooze", { delayMs: 1, reason: null }, [], () => {}])(
  "an output is no directive: %j",
  (output) => {
    expect(isDirective(output)).toBe(false);
  },
);
