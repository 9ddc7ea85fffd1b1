import { readFileSync } from "node:fs";
import type { LoadFnOutput, LoadHookContext } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { NativeSources } from "../../src/discovery/native-sources.ts";
import { TsconfigLookup } from "../../src/discovery/tsconfig-lookup.ts";
import { TaskProject } from "../support/task-project.ts";

test("what Node can run is left to Node, in the format that the text has", async () => {
  await using project = await TaskProject.of({
    "a.ts": "export const a: number = 1;",
    "a.json": "{}",
  });
  const { load } = sourcesOf(project);
  expect(load("a.ts", { format: "commonjs-typescript" })).toEqual({
    source: "export const a: number = 1;",
    format: "module-typescript",
  });
  expect(load("a.json", { format: "json" })).toEqual({ source: "{}", format: "json" });
});

test("syntax that can't be stripped is made JavaScript, in the format that the text has", async () => {
  await using project = await TaskProject.of({
    "a.ts": "export enum A { B }",
    "b.cts": "enum A { B }\nmodule.exports = A.B;",
    "c.jsx": "exports.c = <b/>;",
  });
  const { load } = sourcesOf(project);
  const made = load("a.ts", { format: "commonjs-typescript" });
  expect(made).toMatchObject({ format: "module", shortCircuit: true });
  expect(made.source).toMatch(/var A = .*sourceMappingURL=data:/s);
  expect(load("b.cts", { format: "commonjs-typescript" }).format).toBe("commonjs");
  expect(load("c.jsx", { format: undefined }).format).toBe("commonjs");
});

test("a file goes through esbuild once it is told to, and tells so once", async () => {
  await using project = await TaskProject.of({
    "a.ts": 'import { Type } from "./b.ts";\nexport const a = 1;',
  });
  const { sources, load, told } = sourcesOf(project);
  const file = project.path("a.ts");
  expect(load("a.ts").source).toContain("import { Type }");
  await Promise.all([sources.transform(file), sources.transform(file)]);
  await sources.transform(file);
  expect(told).toEqual([`${file}: true`]);
  expect(load("a.ts").source).not.toContain("Type");
  // The code that was prepared is for one load: by the next the text may have changed.
  await project.write("a.ts", "export const changed = 2;");
  expect(load("a.ts").source).toContain("changed");
});

test("an ES module that is required again is CommonJS by then", async () => {
  await using project = await TaskProject.of({ "a.ts": "export const a = 1;" });
  const { load, renewed } = sourcesOf(project);
  const required = { format: "module-typescript", conditions: ["node", "require"] };
  expect(load("a.ts", required).format).toBe("module-typescript");
  renewed.add(project.path("a.ts"));
  expect(load("a.ts", required)).toMatchObject({
    format: "commonjs",
    source: expect.stringContaining("module.exports ="),
  });
  expect(load("a.ts", { ...required, conditions: ["node", "import"] }).format).toBe(
    "module-typescript",
  );
});

test("esbuild's error is known by the file that it refused", async () => {
  await using project = await TaskProject.of({ "a.tsx": "export const = 1;" });
  const { sources, load, told } = sourcesOf(project);
  const file = project.path("a.tsx");
  expect(sources.failedTransform(thrownBy(() => load("a.tsx")))).toBe(file);
  const refusal = await sources.transform(file).catch((error: unknown) => error);
  expect(sources.failedTransform(refusal)).toBe(file);
  expect([told, sources.isTransformed(file)]).toEqual([[], false]);
  expect([new Error("other"), null].map((each) => sources.failedTransform(each))).toEqual([
    null,
    null,
  ]);
});

test("a handler that throws after the transform names the line that was written", async () => {
  await using project = await TaskProject.of({
    "package.json": JSON.stringify({ type: "module" }),
    "tasks/late.ts":
      'enum A { B }\ninterface Gone {\n  a: A;\n}\nexport default () => {\n  throw new Error("late");\n};',
  });
  const { tasks } = await project.load();
  expect(tasks[0]?.output).toContain("tasks/late.ts:6:9");
});

function sourcesOf(project: TaskProject) {
  const renewed = new Set<string>();
  const told: string[] = [];
  const sources: NativeSources = new NativeSources({
    tsconfig: new TsconfigLookup(),
    isRenewed: (file) => renewed.has(file),
    onTransformed: (file) => told.push(`${file}: ${sources.isTransformed(file)}`),
  });
  const load = (path: string, context: Partial<LoadHookContext> = {}) =>
    sources.load(
      pathToFileURL(project.path(path)).href,
      { conditions: ["node", "import"], format: "module", importAttributes: {}, ...context },
      loadAsNode,
    );
  return { sources, load, renewed, told };
}

function loadAsNode(url: string, context?: Partial<LoadHookContext>): LoadFnOutput {
  return { source: readFileSync(fileURLToPath(url)).toString(), format: context?.format };
}

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return null;
}
