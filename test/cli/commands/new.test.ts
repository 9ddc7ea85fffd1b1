import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";

const files = { "package.json": '{"type":"module"}' };

test("a new task loads, and its file and test have the fields asked for", async () => {
  await using project = await TaskProject.of(files);
  await project.installPackages("zod");
  await project.link("node_modules/taskrun", process.cwd());
  const fields = "to:email,subject,count:int?,size:s|m,tags:string[]";
  const made = await runCli(["new", "mail/send-it", "--schema", fields], { cwd: project.dir });
  expect(made).toMatchObject({ code: 0, stdout: "" });
  expect(made.stderr.split("\n")).toEqual([
    "created tasks/mail/send-it.ts",
    "created test/mail/send-it.test.ts",
    "",
  ]);
  const { names, failures } = await project.load();
  expect({ names, failures }).toEqual({ names: ["mail/send-it"], failures: [] });
  expect(await readFile(project.path("tasks/mail/send-it.ts"), "utf8")).toContain(`z.object({
    to: z.email(),
    subject: z.string(),
    count: z.int().optional(),
    size: z.enum(["s", "m"]),
    tags: z.array(z.string()),
  })`);
  const text = await readFile(project.path("test/mail/send-it.test.ts"), "utf8");
  expect(text).toContain('import sendItTask from "../../tasks/mail/send-it.ts";');
  expect(text).toContain('test("mail/send-it refuses a payload without to"');
});

test("a task goes into the tasks folder of the configuration", async () => {
  await using project = await TaskProject.of(files);
  const made = await runCli(["new", "hello", "--tasks", "src/jobs"], { cwd: project.dir });
  expect(made.code).toBe(0);
  expect(await readFile(project.path("test/hello.test.ts"), "utf8")).toContain(
    'from "../src/jobs/hello.ts"',
  );
});

test("a task that is there is refused, whatever its extension", async () => {
  await using project = await TaskProject.of({ ...files, "tasks/a/hello.js": "" });
  const refused = await runCli(["new", "a/hello"], { cwd: project.dir });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("tasks/a/hello.js is already the task a/hello");
  await expect(readFile(project.path("tasks/a/hello.ts"))).rejects.toThrow("ENOENT");
});

test("a test that is there is kept", async () => {
  await using project = await TaskProject.of({ ...files, "test/hello.test.ts": "// mine" });
  const made = await runCli(["new", "hello"], { cwd: project.dir });
  expect(made.stderr).toContain("kept    test/hello.test.ts");
  expect(await readFile(project.path("test/hello.test.ts"), "utf8")).toBe("// mine");
});

test.each([
  ["send mail", "Try `taskrun new send_mail`."],
  ["_private", "Try `taskrun new private`."],
  ["../outside", "Try `taskrun new outside`."],
  ["/etc/hello", "Try `taskrun new etc/hello`."],
  ["a//b", "Try `taskrun new a/b`."],
  ["hello.ts", "Try `taskrun new hello`."],
  ["hello.test", "Try `taskrun new hello_test`."],
  ["a".repeat(200), "Choose a shorter name."],
])("%s is no name for a task", async (name, fix) => {
  await using project = await TaskProject.of(files);
  const refused = await runCli(["new", name], { cwd: project.dir });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(fix);
});

test("a field that can't be read is named", async () => {
  await using project = await TaskProject.of(files);
  const words = ["new", "hello", "--schema", "to:string,size:strng"];
  const refused = await runCli(words, { cwd: project.dir });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('at "size:strng": there is no type "strng"');
  await expect(readFile(project.path("tasks/hello.ts"))).rejects.toThrow("ENOENT");
});
