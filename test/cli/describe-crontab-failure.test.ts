import { expect, test } from "vitest";
import { describeCrontabFailure } from "../../src/cli/describe-crontab-failure.ts";

const failure = {
  line: 3,
  column: 11,
  task: "mail",
  reason: "there is no task mail",
  frame: "> 3 | * * * * * mail\n    |           ^",
  fix: "Did you mean send_email?",
};

test("place and reason come first, then the line and the fix", () => {
  expect(describeCrontabFailure(`${process.cwd()}/ops/crontab`, failure).split("\n")).toEqual([
    "ops/crontab:3:11: there is no task mail",
    "  > 3 | * * * * * mail",
    "      |           ^",
    "  Did you mean send_email?",
  ]);
});

test("a text without a file is called crontab", () => {
  expect(describeCrontabFailure(false, failure)).toMatch(/^crontab:3:11: /);
});
