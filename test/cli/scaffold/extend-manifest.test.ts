import { join } from "node:path";
import { expect, test } from "vitest";
import { CliError } from "../../../src/cli/cli-error.ts";
import { extendManifest } from "../../../src/cli/scaffold/extend-manifest.ts";

const own = {
  folder: join("/", "x", "node_modules", "taskrun"),
  version: "1.0.0",
  engines: { node: ">=22.22" },
  dependencies: { zod: "^4" },
  devDependencies: { typescript: "^7", vitest: "^5", "@types/node": "^24", node: "^24" },
  allowScripts: { esbuild: true, node: true },
};
const options = { projectDir: join("/", "w", "My Jobs"), own, bringsNode: false };

function extend(manifest: unknown, changed: Partial<typeof options> = {}) {
  const text = manifest === null ? null : JSON.stringify(manifest);
  const { text: after, ...rest } = extendManifest(text, { ...options, ...changed });
  return { ...rest, manifest: JSON.parse(after) };
}

test("a new one is named after its folder, but never like a package that it needs", () => {
  expect(extend(null).manifest).toMatchObject({ name: "my-jobs", type: "module" });
  const named = extend(null, { projectDir: join("/", "w", "taskrun") });
  expect(named.manifest.name).toBe("my-tasks");
});

test("node and its script are there only when it is to bring a Node", () => {
  const without = extend(null).manifest;
  expect(without.devDependencies).not.toHaveProperty("node");
  expect(without.allowScripts).toEqual({ esbuild: true });
  const brings = extend(null, { bringsNode: true }).manifest;
  expect(brings.devDependencies.node).toBe("^24");
  expect(brings.allowScripts).toEqual({ esbuild: true, node: true });
});

test("what is complete stays as it is, letter by letter", () => {
  const { text } = extendManifest(null, options);
  const compact = JSON.stringify(JSON.parse(text));
  expect(extendManifest(compact, options)).toMatchObject({ text: compact, added: [] });
});

test("npm's placeholder is no test, other tests are the project's own", () => {
  const placeholder = { scripts: { test: 'echo "Error: no test specified" && exit 1' } };
  expect(extend(placeholder)).toMatchObject({
    hasVitest: true,
    manifest: { scripts: { test: "vitest run" } },
  });
  expect(extend({ scripts: { test: "node --test" } })).toMatchObject({
    hasVitest: false,
    isModule: false,
    manifest: { scripts: { test: "node --test" } },
  });
});

test("a dependency counts wherever it is, and one refused script stays refused", () => {
  const before = {
    optionalDependencies: { taskrun: "1" },
    peerDependencies: { zod: "3" },
    allowScripts: { esbuild: false },
  };
  const { manifest } = extend(before);
  expect(manifest).toMatchObject(before);
  expect(manifest).not.toHaveProperty("dependencies");
});

test.each(["{", "[]", '{"scripts": 1}'])("%s is refused", (text) => {
  expect(() => extendManifest(text, options)).toThrow(CliError);
});
