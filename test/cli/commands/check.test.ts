import { expect, test } from "vitest";
import { runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";

test("check names each fault as file:line:col and ends with 1", async () => {
  await using project = await TaskProject.of({
    "tasks/good.ts": "export default async () => 1;",
    "tasks/broken.ts": "const a = 1;\nexport default const b = ;\n",
    "tasks/empty.ts": "export {};",
  });
  const { code, stdout } = await runCli(["check"], { cwd: project.dir });
  expect(code).toBe(1);
  expect(stdout).toMatch(/^tasks\/broken\.ts:2:\d+: /m);
  expect(stdout).toMatch(/^tasks\/empty\.ts:\d+:\d+: /m);
  expect(stdout).toContain("> 2 | export default const b = ;");
});

test("check --json is an array of faults with place, reason and fix", async () => {
  await using project = await TaskProject.of({ "tasks/broken.ts": "export default (" });
  const { code, stdout } = await runCli(["check", "--json"], { cwd: project.dir });
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject([
    { code: "syntax-error", file: "tasks/broken.ts", line: 1, task: "broken" },
  ]);
});

test("check finds a wrong option in the config file at its place", async () => {
  await using project = await TaskProject.of({
    "tasks/good.ts": "export default async () => 1;",
    "worker.config.mjs": "export default {\n  concurency: 3,\n};\n",
  });
  const { code, stdout } = await runCli(["check"], { cwd: project.dir });
  expect(code).toBe(1);
  expect(stdout).toContain("worker.config.mjs:2:3: concurency: unknown option");
  expect(stdout).toContain("Did you mean concurrency?");
});

test("check ends with 0 when all can be loaded", async () => {
  await using project = await TaskProject.of({ "tasks/good.ts": "export default async () => 1;" });
  const { code, stdout, stderr } = await runCli(["check"], { cwd: project.dir });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr).toContain("1 task");
});

test("check names each bad line of the crontab as crontab:LINE and ends with 1", async () => {
  await using project = await TaskProject.of({
    "tasks/good.ts": "export default async () => 1;",
    crontab: "0 4 * * * good\n\n0 4 * * * god\n61 * * * * good ?max=0\n",
  });
  const { code, stdout } = await runCli(["check"], { cwd: project.dir });
  expect(code).toBe(1);
  expect(stdout).toMatch(/^crontab:3:11: there is no task god$/m);
  expect(stdout).toContain("Did you mean good?");
  expect(stdout).toMatch(/^crontab:4:1: /m);
  expect(stdout).toMatch(/^crontab:4:18: max can't be "0"$/m);
  expect(stdout).not.toMatch(/^crontab:1/m);
  const json = await runCli(["check", "--json"], { cwd: project.dir });
  expect(JSON.parse(json.stdout)[0]).toMatchObject({ code: "crontab", file: "crontab", line: 3 });
});
