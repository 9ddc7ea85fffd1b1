import { expect, test } from "vitest";
import { TsconfigLookup } from "../../src/discovery/tsconfig-lookup.ts";
import { TaskProject } from "../support/task-project.ts";

test("the nearest tsconfig.json counts, with what it extends", async () => {
  await using project = await TaskProject.of({
    "base.json": '{ "compilerOptions": { "paths": { "@/*": ["./src/*"] }, "jsx": "react" } }',
    "tsconfig.json": '{ "extends": "./base.json" }',
    "inner/tsconfig.json": '{ "compilerOptions": { "paths": { "#x": ["./x.ts"] } } }',
  });
  const lookup = new TsconfigLookup();
  expect(lookup.aliasTargets("@/db", project.path("tasks/deep/a.ts"))).toEqual([
    project.path("src/db"),
  ]);
  expect(lookup.compilerOptions(project.path("tasks/a.ts"))).toMatchObject({ jsx: "react" });
  expect(lookup.aliasTargets("@/db", project.path("inner/a.ts"))).toEqual([]);
  expect(lookup.aliasTargets("#x", project.path("inner/a.ts"))).toEqual([
    project.path("inner/x.ts"),
  ]);
});

test("a broken tsconfig.json says nothing", async () => {
  await using project = await TaskProject.of({ "tsconfig.json": '{ "paths": [' });
  const lookup = new TsconfigLookup();
  expect(lookup.aliasTargets("@/db", project.path("a.ts"))).toEqual([]);
  expect(lookup.compilerOptions(project.path("a.ts"))).toEqual({});
});

test("it says which files it has read, and reads them anew when told to", async () => {
  const paths = (to: string) => `{ "compilerOptions": { "paths": { "n": ["${to}"] } } }`;
  await using project = await TaskProject.of({
    "base.json": paths("./one.ts"),
    "tsconfig.json": '{ "extends": "./base" }',
  });
  const lookup = new TsconfigLookup();
  const task = project.path("tasks/a.ts");
  expect(lookup.aliasTargets("n", task)).toEqual([project.path("one.ts")]);
  expect(lookup.files()).toEqual([project.path("tsconfig.json"), project.path("base.json")]);
  await project.write("base.json", paths("./two.ts"));
  expect(lookup.aliasTargets("n", task)).toEqual([project.path("one.ts")]);
  lookup.forget();
  expect(lookup.aliasTargets("n", task)).toEqual([project.path("two.ts")]);
});
