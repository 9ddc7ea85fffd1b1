import { expect, test } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { TaskrunError } from "../../src/core/errors.ts";

test("the message names every place with its reason and its fix", () => {
  const nowhere = { option: null, file: null, line: null, column: null };
  const error = new ConfigError([
    { ...nowhere, where: "--concurrency", reason: "too much", fix: null },
    { ...nowhere, where: "TASKRUN_X", reason: "unknown option", fix: "Did you mean TASKRUN_Y?" },
  ]);
  expect(error.message).toBe(
    "The configuration is wrong in 2 places:\n" +
      "  --concurrency: too much\n" +
      "  TASKRUN_X: unknown option\n" +
      "    Did you mean TASKRUN_Y?",
  );
  expect(error).toBeInstanceOf(TaskrunError);
  expect(error.code).toBe("bad-config");
});
