import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
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

test.each([
  ["file:pack/taskrun.tgz", (cache: string) => `file:${join(cache, "pack/taskrun.tgz")}`],
  ["git+ssh://host/taskrun.git", () => "git+ssh://host/taskrun.git"],
  ["^1.0.0", () => "^1.2.3"],
])("installed as %s, the project depends on the same", async (wanted, expected) => {
  const cache = await mkdtemp(join(tmpdir(), "taskrun-own-"));
  const folder = join(cache, "node_modules", "taskrun");
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(cache, "package.json"),
    JSON.stringify({ dependencies: { taskrun: wanted } }),
  );
  const found = dependencyOnTaskrun({ folder, version }, join("/", "w", "p"));
  expect(found).toBe(expected(cache).replaceAll("\\", "/"));
  await rm(cache, { recursive: true });
});
