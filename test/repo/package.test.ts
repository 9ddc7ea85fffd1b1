/** What a user installs: the package's doors, files and pins, and what its lockfile may hold. */

import { execFile } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { repositoryDir } from "./source-tree.ts";

interface Manifest {
  name: string;
  license: string;
  engines: { node: string };
  bin: Record<string, string>;
  files: string[];
  exports: Record<string, string | Record<string, string>>;
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
  devDependencies: Record<string, string>;
  publishConfig: Record<string, unknown>;
}

interface LockedPackage {
  version?: string;
  integrity?: string;
  resolved?: string;
  hasInstallScript?: boolean;
  link?: boolean;
  optionalDependencies?: Record<string, string>;
}

interface Lockfile {
  packages: Record<string, LockedPackage>;
}

const manifest: Manifest = readJson("package.json");
const lockfile: Lockfile = readJson("package-lock.json");

const doors = Object.entries(manifest.exports).filter(
  (door): door is [string, Record<string, string>] => typeof door[1] === "object",
);

test("every door of the package has its source, its types and its built file", () => {
  const missing = doors.flatMap(([door, targets]) =>
    ["taskrun-source", "types", "default"]
      .map((condition) => targets[condition])
      .filter((path) => path === undefined || !existsSync(join(repositoryDir, path)))
      .map((path) => `${door}: ${path}`),
  );
  expect(missing, "run `npm run build`; or mend `exports` in package.json").toEqual([]);
});

test("every door's built file comes from its source", () => {
  for (const [door, targets] of doors) {
    const source = targets["taskrun-source"] ?? "";
    const built = source.replace("./src/", "./dist/").replace(/\.ts$/, "");
    expect([targets.types, targets.default], door).toEqual([`${built}.d.ts`, `${built}.js`]);
    expect(Object.keys(targets).at(-1), `${door}: "default" must come last`).toBe("default");
  }
});

test("every published folder exists and holds the commands", () => {
  const named = manifest.files.map((path) => path.replace(/^!/, ""));
  const missing = named.filter((path) => !existsSync(join(repositoryDir, path)));
  expect(missing, "mend `files` in package.json, or run `npm run build`").toEqual([]);
  for (const command of Object.values(manifest.bin)) {
    expect(manifest.files, "publish the command's folder").toContain(command.split("/")[0]);
  }
});

test("every command can be executed", () => {
  for (const command of Object.values(manifest.bin)) {
    const path = join(repositoryDir, command);
    expect(readFileSync(path, "utf8"), command).toMatch(/^#!\/usr\/bin\/env node\n/);
    if (process.platform !== "win32") {
      expect(statSync(path).mode & 0o111, `chmod +x ${command}`).toBe(0o111);
    }
  }
});

test("the queue's version is pinned exactly", () => {
  expect(manifest.dependencies["graphile-worker"]).toMatch(/^\d+\.\d+\.\d+$/);
  expect(lockfile.packages["node_modules/graphile-worker"]?.version).toBe(
    manifest.dependencies["graphile-worker"],
  );
});

test("the oldest Node that package.json promises is the one the command asks for", () => {
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(manifest.engines.node) ?? [];
  const command = readFileSync(join(repositoryDir, "bin/taskrun.js"), "utf8");
  expect(command).toContain(`needs Node ${major}.${minor} or newer`);
  expect(command).toContain(`major < ${major} || (major === ${major} && minor < ${minor})`);
});

test("every package with an install script is named in allowScripts, and no other", () => {
  const withScripts = Object.entries(lockfile.packages)
    .filter(([path, entry]) => path !== "" && entry.hasInstallScript)
    .map(([path]) => path.replace(/^.*node_modules\//, ""));
  const unnamed = withScripts.filter((name) => !(name in manifest.allowScripts));
  const stale = Object.keys(manifest.allowScripts).filter((name) => !withScripts.includes(name));
  expect({ unnamed, stale }, "mend `allowScripts` in package.json").toEqual({
    unnamed: [],
    stale: [],
  });
});

test("the lockfile names no registry host", () => {
  const named = Object.entries(lockfile.packages)
    .filter(([, entry]) => entry.resolved?.includes("://"))
    .map(([path]) => path);
  expect(named, "run `npm install --omit-lockfile-registry-resolved`").toEqual([]);
});

test("every package in the lockfile is one that npm can check", () => {
  const unchecked = Object.entries(lockfile.packages)
    .filter(([path, entry]) => path !== "" && entry.integrity === undefined)
    .map(([path]) => path);
  expect(unchecked, "install it from the registry, not from a folder or a link").toEqual([]);
});

test("every package comes from the registry, none from a repository, a folder or a URL", () => {
  const strange = (versions: Record<string, string> = {}) =>
    Object.entries(versions).filter(([, version]) =>
      /[:/]/.test(version.replace(/^npm:[\w.-]+@/, "")),
    );
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  expect(strange({ ...dependencies, ...devDependencies, ...optionalDependencies })).toEqual([]);
  const linked = Object.entries(lockfile.packages).filter(([, entry]) => entry.link);
  expect(linked).toEqual([]);
});

test("what is published is what runs, and what says what it is", async () => {
  const { stdout } = await promisify(execFile)(
    "npm",
    ["pack", "--dry-run", "--json", "--ignore-scripts", "--offline"],
    { cwd: repositoryDir, maxBuffer: 64 * 1024 * 1024 },
  );
  const printed: { files: { path: string }[] }[] | Record<string, { files: { path: string }[] }> =
    JSON.parse(stdout);
  const paths = Object.values(printed).flatMap(({ files }) => files.map(({ path }) => path));
  const outside = paths.filter((path) => !/^(bin|dist|src)\//.test(path)).toSorted();
  expect(outside, "mend `files` in package.json").toEqual(["LICENSE", "README.md", "package.json"]);
  expect(paths).toContain("src/store/migrations/0001-history.sql");
  for (const command of Object.values(manifest.bin)) expect(paths).toContain(command);
});

test("publishing makes a proof of where the package was built", () => {
  expect(manifest.publishConfig).toEqual({ access: "public", provenance: true });
  const workflow = readFileSync(join(repositoryDir, ".github/workflows/release.yml"), "utf8");
  expect(workflow).toMatch(/id-token: write/);
  expect(workflow).toMatch(/npm sbom/);
  expect(workflow).not.toMatch(/NODE_AUTH_TOKEN|NPM_TOKEN/);
});

test("every platform's packages are in the lockfile, so that npm ci works on all of them", () => {
  const locked = new Set(
    Object.keys(lockfile.packages).map((path) => path.replace(/^.*node_modules\//, "")),
  );
  const missing = Object.values(lockfile.packages)
    .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    .filter((name) => !locked.has(name));
  expect(missing, "the registry doesn't have them: take a version that it has whole").toEqual([]);
});

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(repositoryDir, path), "utf8"));
}
