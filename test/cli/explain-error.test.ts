import { expect, test } from "vitest";
import { explainError } from "../../src/cli/explain-error.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { TaskrunError } from "../../src/core/errors.ts";

const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });

test.each([
  [new ConfigError([]), 78],
  [new TaskrunError("bad-payload", "wrong"), 2],
  [new TaskrunError("schema-newer", "newer"), 69],
  [refused, 69],
  [new TypeError("x is undefined"), 70],
  ["thrown text", 70],
])("%s ends with %i", (error, exitCode) => {
  expect(explainError(error)).toMatchObject({ exitCode });
});

test("a fault of taskrun itself is told with its stack", () => {
  expect(explainError(new TypeError("x is undefined")).message).toContain("explain-error.test.ts");
});
