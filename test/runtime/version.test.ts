import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { queueVersions, taskrunVersion } from "../../src/runtime/version.ts";

test("the version is the package's", () => {
  const manifest = JSON.parse(readFileSync("package.json", "utf8"));
  expect(taskrunVersion).toBe(manifest.version);
});

test("the queue's version is the one that is pinned, and it is the one installed", () => {
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  const expected = dependencies["graphile-worker"];
  expect(queueVersions()).toEqual({ expected, installed: expected });
});
