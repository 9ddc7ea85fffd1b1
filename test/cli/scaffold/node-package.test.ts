import { join } from "node:path";
import { expect, test } from "vitest";
import { needsNodePackage } from "../../../src/cli/scaffold/node-package.ts";

const ofMachine = join("/", "usr", "bin", "node");
const ofProject = join("/", "w", "node_modules", "node", "bin", "node");

test.each([
  ["20.19.0", ofMachine, true],
  ["22.21.9", ofMachine, true],
  ["22.22.0", ofMachine, false],
  ["24.0.0", ofMachine, false],
  ["24.0.0", ofProject, true],
])("Node %s at %s: %s", (version, execPath, needed) => {
  expect(needsNodePackage(">=22.22", { version, execPath })).toBe(needed);
});
