import { chmod } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { brokenTasks } from "../support/broken-tasks.ts";
import { TaskProject } from "../support/task-project.ts";

const esm = JSON.stringify({ type: "module" });

describe("a task file is reported with its place when it has", () => {
  test.each(brokenTasks)("$fault", async ({ files, place, code, reason, fix }) => {
    const inTasks = Object.entries(files).map(([path, text]) => [`tasks/${path}`, text]);
    await using project = await TaskProject.of({
      "package.json": esm,
      "tasks/good.ts": "export default (n: number) => n;",
      ...Object.fromEntries(inTasks),
    });
    const { failures, names } = await project.load();
    expect(names).toEqual(["good"]);
    expect(failures).toHaveLength(1);
    const [failure] = failures;
    expect(failure).toMatchObject({ code, task: "bad" });
    const { column, file, line } = failure!;
    expect(`${file}:${line}:${column}`).toBe(project.path(`tasks/${place}`));
    expect(failure?.reason).toMatch(reason);
    expect(failure?.fix).toMatch(fix ?? /./);
    const marked = failure?.frame?.split("\n").findIndex((each) => each.startsWith(`> ${line} |`));
    expect(marked).toBeGreaterThanOrEqual(0);
  });

  test.each(["null", "undefined", '"a text"', "{ toString: null }"])(
    "a throw of %s, which has no place",
    async (thrown) => {
      await using project = await TaskProject.of({
        "package.json": esm,
        "tasks/bad.ts": `throw ${thrown};`,
      });
      const { failures } = await project.load();
      expect(failures).toMatchObject([
        { code: "import-threw", task: "bad", line: null, frame: null },
      ]);
    },
  );
});

test("a module that several tasks import fails for each of them, at the same place", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/_db.ts": 'throw new Error("no database");',
    "tasks/a.ts": 'import "./_db.ts";\nexport default () => 1;',
    "tasks/b.ts": 'import "./_db.ts";\nexport default () => 1;',
  });
  const { failures } = await project.load();
  expect(failures.map(({ file, line, task }) => [file, line, task])).toEqual([
    [project.path("tasks/_db.ts"), 1, "a"],
    [project.path("tasks/_db.ts"), 1, "b"],
  ]);
});

test("a file and a folder that may not be read are named", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/ok.ts": "export default () => 1;",
    "tasks/shut.ts": "export default () => 1;",
    "tasks/user.ts": 'import "./_shut.ts";\nexport default () => 1;',
    "tasks/_shut.ts": "export {};",
    "tasks/folder/x.ts": "export default () => 1;",
  });
  const shut = ["tasks/shut.ts", "tasks/_shut.ts", "tasks/folder"].map((each) =>
    project.path(each),
  );
  for (const path of shut) await chmod(path, 0);
  const { failures, names } = await project.load({ unprivileged: true });
  await chmod(project.path("tasks/folder"), 0o700);
  expect(names).toEqual(["ok"]);
  const reason = "it can't be read (EACCES)";
  expect(failures).toMatchObject([
    { code: "unreadable", task: "user", file: project.path("tasks/_shut.ts"), reason },
    { code: "unreadable", task: null, file: project.path("tasks/folder"), reason },
    { code: "unreadable", task: "shut", file: project.path("tasks/shut.ts"), reason },
  ]);
});
