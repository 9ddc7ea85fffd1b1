import { expect, test } from "vitest";
import { CliError, usageError } from "../../src/cli/cli-error.ts";

test("a usage error ends with 2", () => {
  const error = usageError("what?", "that.");
  expect(error).toBeInstanceOf(CliError);
  expect(error).toMatchObject({ exitCode: 2, message: "what?", hint: "that." });
});
