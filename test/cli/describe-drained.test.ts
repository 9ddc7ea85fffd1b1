import { expect, test } from "vitest";
import { describeDrained } from "../../src/cli/describe-drained.ts";

test("it names the states that occurred, and says when there was nothing to do", () => {
  expect(describeDrained({ completed: 3, failed: 1, retrying: 0 })).toBe(
    "Nothing more is due: 3 completed, 1 failed.",
  );
  expect(describeDrained({ completed: 0 })).toBe("Nothing was due.");
  expect(describeDrained({})).toBe("Nothing was due.");
});
