import { expect, test } from "vitest";
import { guessFile } from "../../src/discovery/guess-file.ts";
import { TaskProject } from "../support/task-project.ts";

test.each([
  ["a.ts", "a.ts"],
  ["a", "a.ts"],
  ["a.js", "a.ts"],
  ["m.mjs", "m.mts"],
  ["c.cjs", "c.cts"],
  ["view.jsx", "view.tsx"],
  ["view.js", "view.tsx"],
  ["both.js", "both.js"],
  ["both", "both.ts"],
  ["folder", "folder/index.js"],
  ["data", "data.json"],
  ["a.b", "a.b.ts"],
])("%s means %s", async (written, found) => {
  const names = ["a.ts", "m.mts", "c.cts", "view.tsx", "both.js", "both.ts", "folder/index.js"];
  await using project = await TaskProject.of(
    Object.fromEntries([...names, "data.json", "a.b.ts"].map((name) => [name, ""])),
  );
  expect(guessFile(project.path(written))).toBe(project.path(found));
});

test("a path that nothing fits means no file", async () => {
  await using project = await TaskProject.of({ "folder/other.ts": "" });
  expect(guessFile(project.path("folder"))).toBeNull();
  expect(guessFile(project.path("nothing"))).toBeNull();
});
