import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { taskrunVersion } from "../../src/runtime/version.ts";

test("the version is the package's", () => {
  const manifest = JSON.parse(readFileSync("package.json", "utf8"));
  expect(taskrunVersion).toBe(manifest.version);
});
