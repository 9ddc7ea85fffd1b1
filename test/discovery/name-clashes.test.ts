import { expect, test } from "vitest";
import { TaskProject } from "../support/task-project.ts";

const esm = JSON.stringify({ type: "module" });
const task = (...aliases: string[]) =>
  `export default {\n  aliases: ${JSON.stringify(aliases)},\n  handler: () => 1,\n};`;

test("two files with one name are both failures that name the other, and neither runs", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/send.ts": "throw new Error();",
    "tasks/send.js": "throw new Error();",
    "tasks/a/send.ts": "export default () => 1;",
  });
  const { failures, names } = await project.load();
  expect(names).toEqual(["a/send"]);
  expect(failures).toMatchObject([
    {
      code: "duplicate-name",
      task: "send",
      file: project.path("tasks/send.js"),
      reason: 'tasks/send.ts would be the task "send" too',
      fix: "Delete all of them but one.",
    },
    { file: project.path("tasks/send.ts"), reason: 'tasks/send.js would be the task "send" too' },
  ]);
});

test("a name that is another task's alias is a failure of both", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/send.ts": task(),
    "tasks/mail.ts": task("mail:send", "send"),
    "tasks/ok.ts": task("mail:other"),
  });
  const { failures, names } = await project.load();
  expect(names).toEqual(["ok"]);
  expect(failures).toMatchObject([
    {
      code: "duplicate-name",
      task: "mail",
      line: 2,
      column: 25,
      reason: 'tasks/send.ts claims "send" too',
    },
    { code: "duplicate-name", task: "send", reason: "tasks/mail.ts has its name as an alias" },
  ]);
});

test("an alias of several tasks is a failure of each, once per file", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/a.ts": task("x", "y"),
    "tasks/b.ts": task("x", "y"),
    "tasks/c.ts": task("x"),
    "tasks/d.ts": task("z", "z", "d"),
  });
  const { failures, names } = await project.load();
  expect(names).toEqual(["d"]);
  expect(failures.map(({ reason, task: name }) => [name, reason])).toEqual([
    ["a", 'tasks/b.ts, tasks/c.ts claims "x" too'],
    ["b", 'tasks/a.ts, tasks/c.ts claims "x" too'],
    ["c", 'tasks/a.ts, tasks/b.ts claims "x" too'],
  ]);
});

test("two files whose names differ by case only are failures that name the other", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/mail/Send.ts": "export default () => 1;",
    "tasks/mail/send.ts": "export default () => 1;",
    "tasks/Mail/other.ts": "export default () => 1;",
  });
  const { names, failures } = await project.load();
  expect(names).toEqual(["Mail/other"]);
  expect(failures).toMatchObject([
    {
      code: "duplicate-name",
      file: project.path("tasks/mail/Send.ts"),
      reason: "its name differs from that of tasks/mail/send.ts by upper and lower case only",
    },
    { code: "duplicate-name", reason: expect.stringContaining("tasks/mail/Send.ts") },
  ]);
});

test("aliases that differ by case are different names", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/send.ts": task("Mail"),
    "tasks/other.ts": task("mail"),
  });
  expect(await project.load()).toMatchObject({ names: ["other", "send"], failures: [] });
});
