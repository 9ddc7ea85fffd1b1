import { expect, test } from "vitest";
import { logRedaction } from "../../src/core/log-redaction.ts";

test("paths are for pino, names for every depth", () => {
  const { paths, keys } = logRedaction(["user.name", "*.card", 'a["b"]', "ssn", "!token"]);
  expect(paths).toEqual(["user.name", "*.card", 'a["b"]']);
  expect(["ssn", "password", "token"].map((name) => keys.has(name))).toEqual([true, true, false]);
});
