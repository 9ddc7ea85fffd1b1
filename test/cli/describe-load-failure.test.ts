import path from "node:path";
import { expect, test } from "vitest";
import { describeLoadFailure, shownPath } from "../../src/cli/describe-load-failure.ts";

const failure = {
  code: "syntax-error",
  task: "a",
  file: path.resolve("tasks/a.ts"),
  line: 3,
  column: 7,
  reason: "unexpected end",
  fix: "Close it.",
  frame: "> 3 | export\n    |       ^",
} as const;

test("a failure is its place, its reason, the lines around it and the fix", () => {
  expect(describeLoadFailure(failure)).toBe(
    "tasks/a.ts:3:7: unexpected end\n  > 3 | export\n      |       ^\n  Close it.",
  );
});

test("without a known place it is the file's start", () => {
  const vague = { ...failure, line: null, column: null, frame: null };
  expect(describeLoadFailure(vague)).toBe("tasks/a.ts:1:1: unexpected end\n  Close it.");
});

test("a path outside of here stays absolute", () => {
  expect(shownPath(path.resolve("..", "elsewhere.ts"))).toBe(path.resolve("..", "elsewhere.ts"));
});
