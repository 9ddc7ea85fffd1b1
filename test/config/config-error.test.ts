import { expect, test } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { TaskrunError } from "../../src/core/errors.ts";

test("the message names every place with its reason and its fix", () => {
  const nowhere = { option: null, file: null, line: null, column: null };
  const error = new ConfigError([
    { ...nowhere, where: "--concurrency", reason: "too much", fix: null },
    { ...nowhere, where: "TASKRUN_X", reason: "unknown option", fix: "Did you mean TASKRUN_Y?" },
    { ...nowhere, option: "redact.1", where: "TASKRUN_REDACT", reason: "got 1", fix: null },
    {
      option: "tasks",
      where: "a.ts:1",
      file: "/a.ts",
      line: 1,
      column: 1,
      reason: "no",
      fix: null,
    },
  ]);
  expect(error.message).toBe(
    "The configuration is wrong in 4 places:\n" +
      "  --concurrency: too much\n" +
      "  TASKRUN_X: unknown option\n" +
      "    Did you mean TASKRUN_Y?\n" +
      "  TASKRUN_REDACT: redact.1: got 1\n" +
      "  a.ts:1: tasks: no",
  );
  expect(error).toBeInstanceOf(TaskrunError);
  expect(error.code).toBe("bad-config");
});
