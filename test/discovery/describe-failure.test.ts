import { expect, test } from "vitest";
import { describeFailure, describeFailureBriefly } from "../../src/discovery/describe-failure.ts";
import { loadFailure } from "../../src/discovery/load-failure.ts";

const failure = loadFailure({
  code: "missing-module",
  task: "send",
  file: "/p/tasks/send.ts",
  reason: 'there is no file "./mial.ts"',
  fix: 'Did you mean "./mail.ts"?',
  source: '// mail\nimport "./mial.ts";\n',
  place: { line: 2, column: 8 },
});

test("a failure is described with its place, the text around it and the fix", () => {
  expect(
    describeFailure(failure, "/p"),
  ).toBe(`tasks/send.ts:2:8: there is no file "./mial.ts" (task "send")
    1 | // mail
  > 2 | import "./mial.ts";
      |        ^
    3 |
  Did you mean "./mail.ts"?`);
});

test("a failure without a place is described without a frame", () => {
  const { code, fix, reason } = failure;
  const placeless = loadFailure({ code, fix, reason, task: null, file: "/q/tasks" });
  expect(describeFailure(placeless, "/p")).toBe(
    '/q/tasks: there is no file "./mial.ts"\n  Did you mean "./mail.ts"?',
  );
});

test("the brief form is one line that editors can follow, whatever the reason holds", () => {
  expect(describeFailureBriefly({ ...failure, reason: "first\n  second" }, "/p")).toBe(
    'tasks/send.ts:2:8: first second (task "send"): Did you mean "./mail.ts"?',
  );
});
