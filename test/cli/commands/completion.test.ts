import { execFile } from "node:child_process";
import { chmod } from "node:fs/promises";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";

const files = {
  "package.json": "{}",
  "tasks/hello.ts": "",
  "tasks/billing/charge.ts": "throw new Error('never imported');",
};

const entry = resolve(import.meta.dirname, "../../support/cli-entry.ts");

test("commands, flags and names of tasks are completed", async () => {
  await using project = await TaskProject.of(files);
  const complete = async (line: string) => {
    const { stdout } = await runCli(["completion", "--line", line], { cwd: project.dir });
    return stdout.split("\n").filter((word) => word !== "");
  };
  expect(await complete("taskrun ta")).toEqual(["tasks\tList the tasks in the tasks folder"]);
  expect(await complete("taskrun add ")).toEqual(["billing/charge", "hello"]);
  expect(await complete("taskrun jobs --st")).toEqual(["--state\tOnly jobs in this state"]);
});

test("a configuration that can't be read completes no names, and says nothing", async () => {
  await using project = await TaskProject.of({ ...files, "worker.config.ts": "export {" });
  const completed = await runCli(["completion", "--line", "taskrun add "], { cwd: project.dir });
  expect(completed).toMatchObject({ code: 0, stdout: "", stderr: "" });
});

test("a shell that there is no script for is refused", async () => {
  await using project = await TaskProject.of(files);
  for (const words of [["completion"], ["completion", "csh"]]) {
    const refused = await runCli(words, { cwd: project.dir });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("`taskrun completion bash`");
  }
});

test("bash completes with the script", async () => {
  await using project = await TaskProject.of({
    ...files,
    "node_modules/.bin/taskrun": `#!/bin/sh
exec "${process.execPath}" --conditions=taskrun-source "${entry}" "$@"
`,
  });
  await chmod(project.path("node_modules/.bin/taskrun"), 0o755);
  const { stdout: script } = await runCli(["completion", "bash"], { cwd: project.dir });
  const ask = `
COMP_LINE="taskrun add bil" COMP_POINT=15 COMP_CWORD=2 COMP_WORDS=(taskrun add bil)
_taskrun
printf '%s\\n' "\${COMPREPLY[@]}"
`;
  const bash = await promisify(execFile)("bash", ["-c", `${script}\n${ask}`], {
    cwd: project.dir,
  });
  expect(bash.stdout).toBe("billing/charge\n");
});
