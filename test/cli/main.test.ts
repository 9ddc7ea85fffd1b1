import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";

let project: TaskProject;

beforeAll(async () => {
  project = await TaskProject.of({ "tasks/hello.ts": "export default async () => 1;" });
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
});

function cli(...args: string[]) {
  return runCli(args, { cwd: project.dir });
}

describe("help", () => {
  test("names every command, the flags of run and the exit codes", async () => {
    const { code, stdout, stderr } = await cli("--help");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const name of [
      "run",
      "add",
      "tasks",
      "check",
      "jobs",
      "show",
      "migrate",
      "db",
      "doctor",
    ]) {
      expect(stdout).toContain(`taskrun ${name}`);
    }
    expect(stdout).toContain("-j, --concurrency");
    expect(stdout).toContain("TASKRUN_SHUTDOWN_GRACE");
    expect(stdout).toContain("78  the configuration is wrong");
    expect(stdout).toMatch(/\(default 10;\s+TASKRUN_CONCURRENCY\)/);
    expect(stdout).not.toMatch(/\(default\s*;/);
  });

  test("loads neither the database's driver nor zod nor esbuild", async () => {
    const hooks = `import { registerHooks } from "node:module";
      registerHooks({ load(url, context, next) {
        process.stderr.write(url + "\\n");
        return next(url, context);
      } });`;
    const preload = `data:text/javascript,${encodeURIComponent(hooks)}`;
    const { stderr } = await runCli(["--help"], {
      cwd: project.dir,
      nodeFlags: ["--import", preload],
    });
    expect(stderr).toContain("/yargs/");
    expect(stderr).not.toMatch(/node_modules\/(pg|zod|esbuild|pino|graphile-worker|chokidar)\//);
  });

  test("of a command shows its arguments and flags", async () => {
    const { code, stdout } = await cli("add", "--help");
    expect(code).toBe(0);
    expect(stdout).toContain("taskrun add <task> [payload]");
    expect(stdout).toContain("--correlation-id");
  });
});

describe("words that can't be understood end with 2, a reason and a way on", () => {
  test.each([
    [["rnu"], "rnu: unknown command", "Did you mean run?"],
    [["--concurency", "3"], "--concurency: unknown flag", "Did you mean --concurrency?"],
    [["jobs", "--stat", "failed"], "--stat: unknown flag", "Did you mean --state?"],
    [["jobs", "failed"], "failed: one argument too many", "Usage: taskrun jobs"],
    [["add"], "an argument is missing", "Usage: taskrun add <task> [payload]"],
    [["add", "hello", "--delay"], "--delay: a value is missing", ""],
    [["-q"], "-q: unknown flag", "taskrun"],
  ])("%j", async (args, reason, hint) => {
    const { code, stdout, stderr } = await cli(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(reason);
    expect(stderr).toContain(hint);
  });
});

test("a wrong configuration ends with 78 and names every wrong value", async () => {
  const { code, stderr } = await runCli(["-j", "many", "--poll-interval=soon"], {
    cwd: project.dir,
    env: { TASKRUN_LOG_LEVEL: "loud" },
  });
  expect(code).toBe(78);
  expect(stderr).toContain("--concurrency: got");
  expect(stderr).toContain("--poll-interval: got");
  expect(stderr).toContain("TASKRUN_LOG_LEVEL: got");
});

test("warnings on experimental features are kept away, others are not", async () => {
  const warnings = `process.emitWarning("old thing", "DeprecationWarning");
    process.emitWarning("Type Stripping is an experimental feature", "ExperimentalWarning");
    process.emitWarning("VM Modules is an experimental feature", "ExperimentalWarning");`;
  await project.write("noisy/hello.ts", `${warnings} export default async () => 1;`);
  const { code, stderr } = await cli("tasks", "--tasks", "noisy");
  expect(code).toBe(0);
  expect(stderr).toContain("DeprecationWarning: old thing");
  expect(stderr).not.toContain("ExperimentalWarning");
});

test("colours are off away from a terminal", async () => {
  const { stdout, stderr } = await cli("nothing");
  expect(`${stdout}${stderr}`).not.toContain("\u001b[");
});
