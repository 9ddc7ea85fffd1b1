import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";

const files = {
  "package.json": "{}",
  "tasks/hello.ts": "export default async () => 1;",
  "tasks/billing/charge.ts": 'export default { aliases: ["charge"], handler() {} };',
  "tasks/bad.ts": "export default {",
};

test("types writes the file once, tells what is broken, and --check only looks", async () => {
  await using project = await TaskProject.of(files);
  const types = (...flags: string[]) => runCli(["types", ...flags], { cwd: project.dir });

  const checked = await types("--check");
  expect(checked).toMatchObject({ code: 1, stdout: "" });
  expect(checked.stderr).toContain("taskrun-env.d.ts is out of date: run `taskrun types`");

  const written = await types();
  expect(written).toMatchObject({ code: 0, stdout: "" });
  expect(written.stderr).toContain("tasks/bad.ts:1:");
  expect(written.stderr).toContain("Wrote taskrun-env.d.ts: 3 tasks.");
  const text = await readFile(project.path("taskrun-env.d.ts"), "utf8");
  expect(text.match(/^ {4}".*$/gm)).toEqual([
    '    "bad": TaskEntry<typeof import("./tasks/bad.ts")["default"]>;',
    '    "billing/charge": TaskEntry<typeof import("./tasks/billing/charge.ts")["default"]>;',
    '    "charge": TaskEntry<typeof import("./tasks/billing/charge.ts")["default"]>;',
    '    "hello": TaskEntry<typeof import("./tasks/hello.ts")["default"]>;',
  ]);

  const again = await types("--check", "--json");
  expect(again.code).toBe(0);
  expect(JSON.parse(again.stdout)).toEqual({ file: "taskrun-env.d.ts", changed: false, tasks: 3 });
});
