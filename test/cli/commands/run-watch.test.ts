/** Watch mode as a developer has it: a process, its files, and jobs in a real queue. */

import { readFile, rename, rm } from "node:fs/promises";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { RunningCli, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

const answering = (text: string) => `export default async () => ${JSON.stringify(text)};\n`;

let database: ScratchDatabase;
let db: pg.Pool;
let project: TaskProject;
let watching: RunningCli;

beforeEach(async () => {
  database = await createTestDatabase();
  db = new pg.Pool({ connectionString: database.url, max: 2 });
  db.on("error", () => {});
});

afterEach(async () => {
  await watching[Symbol.asyncDispose]();
  await project[Symbol.asyncDispose]();
  await db.end();
  await database.drop();
});

async function start(
  files: Record<string, string>,
  env: Record<string, string> = { DATABASE_URL: database.url },
): Promise<void> {
  project = await TaskProject.of({ "package.json": '{"type":"module"}', ...files });
  watching = new RunningCli(["--watch"], { cwd: project.dir, env });
  await watching.says("add jobs");
}

async function add(task: string, payload: unknown = {}): Promise<string> {
  const { rows } = await db.query("select id from graphile_worker.add_job($1, $2::json)", [
    task,
    JSON.stringify(payload),
  ]);
  return rows[0].id;
}

async function job(id: string): Promise<Record<string, unknown>> {
  const { rows } = await db.query("select * from taskrun.jobs where id = $1", [id]);
  return rows[0];
}

/** What the job has returned, once it has ended well. */
async function outputOf(id: string): Promise<unknown> {
  for (;;) {
    const { state, output } = await job(id);
    if (state === "completed") return output;
    await db.query("select pg_sleep(0.01)");
  }
}

describe("a save", () => {
  test("gives an isolated task a thread with the new code, also of what it imports", async () => {
    const isolated = `import { isMainThread } from "node:worker_threads";
      import { word } from "./_word.ts";
      export default { isolate: "thread", handler: async (): Promise<string> =>
        isMainThread ? "not isolated" : word as string };`;
    await start({ "tasks/_word.ts": 'export const word = "old";', "tasks/say.ts": isolated });
    expect(await outputOf(await add("say"))).toBe("old");
    await project.write("tasks/_word.ts", 'export const word = "new";');
    await watching.says("say v2");
    expect(await outputOf(await add("say"))).toBe("new");
  });

  test("leaves the job that runs on the old code, and the next one runs the new", async () => {
    const lasting = (text: string) => `export default { timeout: false, handler: async (
      payload,
      ctx,
    ) => {
      ctx.log.info("begins in " + ${JSON.stringify(text)});
      while (payload.long && !(await ctx.query("select 1 from done")).rows.length) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return ${JSON.stringify(text)};
    } };`;
    await start({ "tasks/work.ts": lasting("one") });
    await db.query("create table done ()");
    const long = await add("work", { long: true });
    await watching.says("begins in one");
    await project.write("tasks/work.ts", lasting("two"));
    await watching.says("1 job still on v1");
    expect(watching.stderr).toMatch(/↻ work v2 \(\d+ ms\) · 1 job still on v1/);
    expect(await outputOf(await add("work"))).toBe("two");
    expect(await job(long)).toMatchObject({ state: "running" });
    await db.query("insert into done default values");
    expect(await outputOf(long)).toBe("one");
    expect(await job(long)).toMatchObject({ attempts: 1 });
  });

  test("that breaks the file keeps its last good version and shows where", async () => {
    await start({ "tasks/work.ts": answering("one") });
    await project.write("tasks/work.ts", "export default async () => {\n  const = 3;\n};\n");
    await watching.says("tasks/work.ts:2:9");
    await watching.says("> 2 |   const = 3;");
    await watching.says("jobs run on work v1");
    expect(await outputOf(await add("work"))).toBe("one");
    await project.write("tasks/work.ts", answering("two"));
    await watching.says("tasks/work.ts is in order again");
    expect(await outputOf(await add("work"))).toBe("two");
    expect(watching.stderr.split("tasks/work.ts:2:9")).toHaveLength(2);
  });

  test("of a helper reloads the tasks that use it, and no other", async () => {
    const using = 'import { word } from "../lib/word.ts";\nexport default async () => word;\n';
    await start({
      "lib/word.ts": 'export const word: string = "one";',
      "tasks/a.ts": using,
      "tasks/b.ts": using,
      "tasks/c.ts": using,
      "tasks/other.ts": answering("other"),
    });
    await project.write("lib/word.ts", 'export const word: string = "two";');
    await watching.says("↻ a v2, b v2, c v2 (");
    for (const task of ["a", "b", "c"]) expect(await outputOf(await add(task))).toBe("two");
    expect(watching.stderr).not.toContain("other v");
  });

  test("right after the start is not missed", async () => {
    const using = 'import { word } from "../lib/word.ts";\nexport default async () => word;\n';
    await start({ "lib/word.ts": 'export const word = "one";', "tasks/a.ts": using });
    await project.write("lib/word.ts", 'export const word = "two";');
    await watching.says("↻ a v2");
  });
});

describe("files that come and go", () => {
  test("a new file is a task, and a deleted one's jobs wait uncounted", async () => {
    await start({ "tasks/old.ts": answering("old") });
    await project.write("tasks/new.ts", answering("new"));
    await watching.says("+ new (");
    expect(await outputOf(await add("new"))).toBe("new");
    await rm(project.path("tasks/old.ts"));
    await watching.says("- old: its jobs wait");
    const waiting = await add("old");
    expect(await outputOf(await add("new"))).toBe("new");
    expect(await job(waiting)).toMatchObject({ state: "pending", attempts: 0 });
    await project.write("tasks/old.ts", answering("back"));
    expect(await outputOf(waiting)).toBe("back");
  });

  test("a renamed file is another task", async () => {
    await start({ "tasks/old.ts": answering("text") });
    await rename(project.path("tasks/old.ts"), project.path("tasks/new.ts"));
    await watching.says("+ new (");
    await watching.says("- old: its jobs wait");
    expect(await outputOf(await add("new"))).toBe("text");
  });

  test("a tasks folder that is removed and made again works as before", async () => {
    await start({ "tasks/a.ts": answering("one") });
    await rm(project.path("tasks"), { recursive: true });
    await watching.says("there is no such folder");
    const waiting = await add("a");
    await project.write("tasks/a.ts", answering("two"));
    expect(await outputOf(waiting)).toBe("two");
    expect(await job(waiting)).toMatchObject({ attempts: 1 });
    await project.write("tasks/a.ts", answering("three"));
    await watching.says("↻ a v");
    // Of two, which was told as a file and as what is in a folder, it may have said that too.
    while ((await outputOf(await add("a"))) !== "three");
  });
});

test("saves under a stream of jobs lose none, run none twice and charge none", async () => {
  const saves = 40;
  const version = (number: number) => `export default async (payload, ctx) => {
    await ctx.query("insert into runs values ($1, $2)", [payload.n, ${number}]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return ${number};
  };\n`;
  await start({ "tasks/work.ts": version(0) });
  await db.query("create table runs (n int, version int)");
  const ids: string[] = [];
  for (let save = 1; save <= saves; save += 1) {
    await project.write("draft.tmp", version(save));
    await rename(project.path("draft.tmp"), project.path("tasks/work.ts"));
    for (let n = 0; n < 5; n += 1) ids.push(await add("work", { n: ids.length }));
  }
  for (const id of ids) await outputOf(id);
  const { rows: runs } = await db.query(
    "select count(*)::int as runs, count(distinct n)::int as jobs from runs",
  );
  expect(runs).toEqual([{ runs: ids.length, jobs: ids.length }]);
  const { rows: attempts } = await db.query("select distinct attempts from taskrun.jobs");
  expect(attempts).toEqual([{ attempts: 1 }]);
  for (;;) if ((await outputOf(await add("work", { n: -1 }))) === saves) break;
  expect(watching.stderr).not.toContain("error:");
});

describe("a changed configuration", () => {
  const withConfig = (config: string) => ({
    "tasks/work.ts": answering("done"),
    "worker.config.ts": config,
  });

  test("applies defaults and middleware to the next attempt", async () => {
    await start(withConfig("export default {};"));
    await project.write("lib/audit.ts", 'export const audit = () => "one";');
    await project.write(
      "worker.config.ts",
      `import { audit } from "./lib/audit.ts";
       export default { middleware: [async (_ctx, next) => { await next(); return audit(); }] };`,
    );
    await watching.says("applies from the next attempt on");
    await watching.says("↻ work v2");
    expect(await outputOf(await add("work"))).toBe("one");
    await project.write("lib/audit.ts", 'export const audit = () => "two";');
    await watching.says("↻ work v3");
    expect(await outputOf(await add("work"))).toBe("two");
  });

  test("that needs a new start gets one, and no job is lost or counted", async () => {
    await start({
      ...withConfig("export default { shutdownGrace: 1, shutdownDeadline: 100 };"),
      "tasks/long.ts": `export default async (payload, ctx) => {
        ctx.log.info("begins with " + process.env.WORD);
        if (process.env.WORD === "two") return "two";
        await new Promise((_, reject) => {
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
        });
      };`,
    });
    const id = await add("long");
    await watching.says("begins with undefined");
    await project.write(".env", "WORD=two\n");
    await watching.says("WORD changed: starting anew");
    await watching.says("begins with two");
    expect(await outputOf(id)).toBe("two");
    expect(await job(id)).toMatchObject({ attempts: 1 });
    await project.write("tasks/work.ts", answering("after"));
    await watching.says("↻ work v2");
  });

  test("that is wrong is told once, and the last good one holds", async () => {
    await start(withConfig("export default {};"));
    await project.write("worker.config.ts", 'export default { concurrency: "many" };');
    await watching.says("Going on with the last good configuration.");
    expect(watching.stderr).toContain("worker.config.ts:1:18: concurrency");
    await project.write("tasks/work.ts", answering("new"));
    await watching.says("↻ work v2");
    expect(await outputOf(await add("work"))).toBe("new");
    await project.write("worker.config.ts", "export default { concurrency: 3 };");
    await watching.says("concurrency changed: starting anew");
    await watching.says("3 at a time");
    expect(watching.stderr.split("Going on with the last good")).toHaveLength(2);
  });

  test("whose database can't be reached leaves the process where it is", async () => {
    const config = (url: string) => `export default { connection: ${JSON.stringify(url)} };`;
    await start(withConfig(config(database.url)), {});
    await project.write("worker.config.ts", config("postgres://127.0.0.1:1/nowhere"));
    await watching.says("Going on with the database of before.");
    expect(watching.stderr).toContain("postgres://127.0.0.1:1/nowhere: nothing listens there");
    await project.write("tasks/work.ts", answering("still here"));
    await watching.says("↻ work v2");
    expect(await outputOf(await add("work"))).toBe("still here");
  });
});

test("the types of jobs follow the tasks where the compiler looks for them", async () => {
  await start({ "tsconfig.json": "{}", "tasks/one.ts": answering("one") });
  await project.write("tasks/two.ts", answering("two"));
  const types = async () => readFile(project.path("taskrun-env.d.ts"), "utf8").catch(() => "");
  let text = await types();
  while (!text.includes("tasks/two.ts")) {
    await db.query("select pg_sleep(0.01)");
    text = await types();
  }
  expect(text).toContain("tasks/one.ts");
});

test("a crontab that is written, mended and removed is followed", async () => {
  await start({ "tasks/work.ts": answering("one") });
  await project.write("crontab", "0 4 * * * work\n0 5 * * * nope\n");
  await watching.says("↻ crontab: 1 line runs");
  await watching.says("crontab:2:11: ");
  await project.write("crontab", "0 4 * * * work\n0 5 * * * work ?id=second\n");
  await watching.says("↻ crontab: 2 lines run");
  await rm(project.path("crontab"));
  await watching.says("↻ crontab: 0 lines run");
});

test("an import that hangs doesn't keep the save that mends it waiting", async () => {
  const env = { DATABASE_URL: database.url, TASKRUN_IMPORT_TIMEOUT: "1h" };
  await start({ "tasks/work.ts": answering("one") }, env);
  const hanging = "console.log('hangs'); await new Promise(() => {});\n";
  await project.write("tasks/work.ts", hanging + answering("never"));
  await watching.says("hangs");
  await project.write("tasks/work.ts", answering("two"));
  await watching.says("↻ work v");
  expect(await outputOf(await add("work"))).toBe("two");
});

test("a signal ends it as it ends any run", async () => {
  await start({ "tasks/work.ts": answering("one") });
  await add("work").then(outputOf);
  watching.kill("SIGTERM");
  const { code, stderr } = await watching.ended;
  expect(code).toBe(0);
  expect(stderr.split("SIGTERM: stopping")).toHaveLength(2);
});

test("a Node without the flags follows saves too, and says what that costs", async () => {
  const address = (path: string) =>
    JSON.stringify(new URL(`../../../src/cli/${path}`, import.meta.url).href);
  project = await TaskProject.of({
    "package.json": '{"type":"module"}',
    "tasks/work.ts": answering("one"),
    "main.ts": `import { runWatch } from ${address("commands/run-watch.ts")};
      import { CommandArguments } from ${address("command-arguments.ts")};
      process.exit(await runWatch(new CommandArguments({}, []), { supervised: null }));`,
  });
  const env = { DATABASE_URL: database.url };
  watching = new RunningCli([], { cwd: project.dir, env, entry: project.path("main.ts") });
  await watching.says("runs without --experimental-vm-modules");
  await watching.says("add jobs");
  await project.write("tasks/work.ts", answering("two"));
  await watching.says("↻ work v2");
  expect(await outputOf(await add("work"))).toBe("two");
});

test("--watch and --once exclude each other", async () => {
  await start({ "tasks/work.ts": answering("one") });
  const { code, stderr } = await runCli(["--watch", "--once"], { cwd: project.dir });
  expect(code).toBe(2);
  expect(stderr).toContain("--watch and --once exclude each other");
});
