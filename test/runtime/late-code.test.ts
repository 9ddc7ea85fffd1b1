import { readFile, rm } from "node:fs/promises";
import { Pool } from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { migrate } from "../../src/store/migrate.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { type CliResult, RunningCli, runCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { createTestDatabase } from "../support/test-database.ts";

let database: ScratchDatabase;
let pool: Pool;
let project: TaskProject;

/** Says in a file that it was imported, and fails when there is another file. */
function marked(name: string, definition = "async () => 'done'"): string {
  return `import { appendFileSync, existsSync, readFileSync } from "node:fs";
    appendFileSync("imported.txt", " ${name}");
    if (existsSync("no-${name}")) throw new Error("no ${name} today");
    const setting = existsSync("setting") ? readFileSync("setting", "utf8") : "20s";
    export default ${definition};`;
}

beforeEach(async () => {
  database = await createTestDatabase();
  await migrate(database.url, { schema: "graphile_worker" });
  pool = new Pool({ connectionString: database.url, max: 2 });
  pool.on("error", () => {});
  project = await TaskProject.of({
    "package.json": '{"type":"module"}',
    "tasks/a.ts": marked("a"),
    "tasks/b.ts": marked("b"),
    "tasks/varies.ts": marked(
      "varies",
      "{ timeout: setting, handler: (_, ctx) => new Promise((end) => ctx.signal.addEventListener('abort', end)) }",
    ),
    "tasks/middle/_middleware.ts": marked("middleware", "(ctx, next) => next()"),
    "tasks/middle/c.ts": marked("c"),
  });
});

afterEach(async () => {
  await pool.end();
  await project[Symbol.asyncDispose]();
  await database.drop();
});

function options() {
  return { cwd: project.dir, env: { DATABASE_URL: database.url } };
}

/** Runs what is due; says which files were imported for it. */
async function once(...flags: string[]): Promise<CliResult & { imported: string[] }> {
  const result = await runCli(["run", "--once", ...flags], options());
  return { ...result, imported: await imported() };
}

async function imported(): Promise<string[]> {
  const names = await importedSoFar();
  await rm(project.path("imported.txt"), { force: true });
  return names;
}

async function importedSoFar(): Promise<string[]> {
  const text = await readFile(project.path("imported.txt"), "utf8").catch(() => "");
  return text.split(" ").filter(Boolean).sort();
}

async function add(task: string): Promise<void> {
  await pool.query("select graphile_worker.add_job($1, '{}')", [task]);
}

async function jobs(): Promise<Record<string, unknown>[]> {
  const { rows } = await pool.query(
    "select task, state, attempts, output, error from taskrun.jobs order by task, id",
  );
  return rows;
}

const all = ["a", "b", "c", "middleware", "varies"];

/**
 * For node: what is left to be imported a second after the start is left, since on a slow machine
 * that is before the end of a short run.
 */
const leavesTheRest = `const { setTimeout } = globalThis;
  globalThis.setTimeout = (then, ms, ...args) =>
    setTimeout(then, ms === 1000 ? 2 ** 31 - 1 : ms, ...args);`;

test("a start imports what its jobs need, once the first has seen everything", async () => {
  const nodeFlags = ["--import", `data:text/javascript,${encodeURIComponent(leavesTheRest)}`];
  const onceOnly = async (...flags: string[]) => {
    const result = await runCli(["run", "--once", ...flags], { ...options(), nodeFlags });
    return { ...result, imported: await imported() };
  };
  expect((await onceOnly()).imported).toEqual(all);
  await add("a");
  await add("middle/c");
  await add("a");
  const { code, stderr, ...second } = await onceOnly();
  expect(second.imported).toEqual(["a", "c", "middleware"]);
  expect(stderr).toContain("4 in tasks");
  expect(stderr).toContain("3 completed");
  expect(code).toBe(0);
  expect((await jobs()).map(({ output }) => output)).toEqual(["done", "done", "done"]);
  expect((await onceOnly("--no-warm-start")).imported).toEqual(all);
});

test("a task that can't be loaded any more is told, and its job goes back uncounted", async () => {
  await once();
  await imported();
  await project.write("no-a", "");
  await project.write("no-middleware", "");
  for (const task of ["a", "b", "middle/c"]) await add(task);
  const { stdout, stderr } = await once("--log-level", "info");
  expect(stderr).toContain("1 completed");
  for (const what of ["no a today", "no middleware today"]) {
    expect(stdout).toContain(`it threw while it was imported: Error: ${what}`);
  }
  expect(stdout).toContain("tasks/middle/_middleware.ts applies to it and could not be loaded");
  expect(await jobs()).toMatchObject([
    { task: "a", state: "pending", attempts: 0, error: null },
    { task: "b", state: "completed" },
    { task: "middle/c", state: "pending", attempts: 0, error: null },
  ]);
  await rm(project.path("no-a"));
  await rm(project.path("no-middleware"));
  expect((await once()).stderr).toContain("2 completed");
});

test("a job runs on the options that its file gives now, whatever it gave before", async () => {
  await once();
  await project.write("setting", "20ms");
  await add("varies");
  const { stdout } = await once("--log-level", "info");
  expect(stdout).toContain("a task's options are not what they were at the last start");
  expect(await jobs()).toMatchObject([{ task: "varies", attempts: 1 }]);
  expect((await jobs())[0]?.error).toContain("timed out after 20ms");
});

test("a process imports the rest soon after its start, and tells what is broken", async () => {
  await once();
  await imported();
  await project.write("no-b", "");
  await using running = new RunningCli(["run"], options());
  await running.says("until Ctrl-C");
  await running.says("no b today");
  await expect.poll(importedSoFar).toEqual(all);
  await add("varies");
  running.kill("SIGTERM");
  const { code } = await running.ended;
  expect(code).toBe(0);
  expect(await imported()).toEqual(all);
});

test("a file that loops when it is imported late ends the process with its name", async () => {
  await once();
  await project.write(
    "tasks/b.ts",
    `${marked("b")}\nwhile ((await import("node:fs")).existsSync("loop"));`,
  );
  await once();
  await project.write("loop", "");
  const { stderr, signal } = await runCli(["run", "--import-timeout", "5s"], options());
  expect(stderr).toContain("tasks/b.ts held up everything for 5000 ms while it was imported");
  expect(signal).toBe("SIGKILL");
});

test("an import that waits for ever holds up neither other jobs nor the stop", async () => {
  const waits = `import fs from "node:fs";
    if (fs.existsSync("hang")) await new Promise((end) => setTimeout(end, 60_000));`;
  await project.write("tasks/b.ts", `${waits}\n${marked("b")}`);
  await once();
  await project.write("hang", "");
  await add("b");
  await using running = new RunningCli(["run", "--import-timeout", "30s"], options());
  await running.says("until Ctrl-C");
  await add("a");
  await expect.poll(jobs).toMatchObject([
    { task: "a", state: "completed" },
    { task: "b", state: "running" },
  ]);
  running.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
  expect(await jobs()).toMatchObject([
    { task: "a", state: "completed" },
    { task: "b", state: "pending", attempts: 0 },
  ]);
});
