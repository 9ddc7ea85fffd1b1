import { expect, test } from "vitest";
import { hasCode } from "../../../src/dev/postgres/has-code.ts";

test("an error is told by any of the codes asked for, and by nothing else", () => {
  const missing = Object.assign(new Error("gone"), { code: "ENOENT" });
  expect(hasCode(missing, "EACCES", "ENOENT")).toBe(true);
  expect(hasCode(missing, "EACCES")).toBe(false);
  expect(hasCode(new Error("ENOENT"), "ENOENT")).toBe(false);
  expect(hasCode({ code: "ENOENT" }, "ENOENT")).toBe(false);
  expect(hasCode(null, "ENOENT")).toBe(false);
});
