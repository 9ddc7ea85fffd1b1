import { join } from "node:path";
import { expect, test } from "vitest";
import { dependencyOnTaskrun, ownPackage } from "../../../src/cli/scaffold/own-package.ts";
import { repositoryDir } from "../../repo/source-tree.ts";

test("taskrun's own package has what a project is made with", () => {
  const { folder, devDependencies } = ownPackage();
  expect(folder).toBe(repositoryDir);
  for (const name of ["typescript", "vitest", "@types/node", "node"]) {
    expect(devDependencies[name], name).toMatch(/^[~^]\d/);
  }
});

const version = "1.2.3";

test.each([
  ["installed", ["w", "p", "node_modules", "taskrun"], "^1.2.3"],
  ["a checkout beside the project", ["w", "taskrun"], "file:../taskrun"],
  ["a checkout in the project", ["w", "p", "vendor", "taskrun"], "file:vendor/taskrun"],
  ["a checkout elsewhere", ["src", "taskrun"], `file:${join("/", "src", "taskrun")}`],
])("%s", (_where, parts, expected) => {
  const folder = join("/", ...parts);
  const project = join("/", "w", "p");
  expect(dependencyOnTaskrun({ folder, version }, project)).toBe(expected.replaceAll("\\", "/"));
});
