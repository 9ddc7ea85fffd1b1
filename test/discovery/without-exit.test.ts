import { expect, test } from "vitest";
import { withoutExit } from "../../src/discovery/without-exit.ts";
import { TaskProject } from "../support/task-project.ts";

const exits = 'import { a } from "./_a.ts";\nif (a) process.exit(0);\nexport default () => 1;';

test("a file that ends the process while it is imported is at fault, and stops no other", async () => {
  await using project = await TaskProject.of({
    "package.json": '{ "type": "module" }',
    "tasks/_a.ts": "export const a = 1;",
    "tasks/exits.ts": exits,
    "tasks/good.ts": "export default (n: number) => n * 2;",
  });
  const { names, failures } = await project.load();
  expect(names).toEqual(["good"]);
  expect(failures).toMatchObject([
    {
      task: "exits",
      code: "import-threw",
      line: 2,
      column: 16,
      reason: expect.stringContaining("process.exit(0) was called while task files are imported"),
    },
  ]);
});

test("the process can be ended again when the last import has ended", async () => {
  const before = process.exit;
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  const loads = [withoutExit(() => first.promise), withoutExit(() => second.promise)];
  expect(() => process.exit(3)).toThrow("process.exit(3) was called");
  first.resolve();
  await loads[0];
  expect(() => process.exit()).toThrow("process.exit() was called");
  second.reject(new Error("x"));
  await expect(loads[1]).rejects.toThrow("x");
  expect(process.exit).toBe(before);
});
