/** Several processes under one supervisor: real ones, with real signals. */

import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { RunningCli, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: ScratchDatabase;
let db: pg.Pool;
let project: TaskProject;

const answering = (text: string) =>
  `export default async () => ({ text: ${JSON.stringify(text)}, pid: process.pid });`;

beforeEach(async () => {
  database = await createTestDatabase();
  db = new pg.Pool({ connectionString: database.url, max: 2 });
  db.on("error", () => {});
  project = await TaskProject.of({
    "package.json": '{"type":"module"}',
    "tasks/answer.ts": answering("one"),
    // Ends when the test says so.
    "tasks/wait.ts": `export default { timeout: false, handler: async (payload, ctx) => {
      ctx.log.info({ long: "x".repeat(6_000) }, "waits");
      while (!(await ctx.query("select 1 from done")).rows.length) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return { pid: process.pid };
    } };`,
  });
  await db.query("create table done ()");
});

afterEach(async () => {
  await project[Symbol.asyncDispose]();
  await db.end();
  await database.drop();
});

function start(...flags: string[]): RunningCli {
  const env = { DATABASE_URL: database.url, TASKRUN_LOG_FORMAT: "json" };
  return new RunningCli(["run", ...flags], { cwd: project.dir, env });
}

/** What the processes that work are, by their rows. */
async function pids(count: number): Promise<number[]> {
  for (;;) {
    const { rows } = await db
      .query("select pid from taskrun.processes where dead_at is null order by started_at, pid")
      .catch(() => ({ rows: [] }));
    if (rows.length === count) return rows.map(({ pid }) => pid);
    await sleep(20);
  }
}

async function add(task: string, count = 1): Promise<string[]> {
  const { rows } = await db.query(
    "select (graphile_worker.add_job($1)).id from generate_series(1, $2::int)",
    [task, count],
  );
  return rows.map(({ id }) => id);
}

async function untilState(id: string, state: string): Promise<Record<string, unknown>> {
  for (;;) {
    const { rows } = await db.query("select * from taskrun.jobs where id = $1", [id]);
    if (rows[0]?.state === state) return rows[0];
    await sleep(20);
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** A line that has come only in part is left out. */
function logOf({ stdout }: { stdout: string }): Record<string, unknown>[] {
  return stdout
    .slice(0, stdout.lastIndexOf("\n") + 1)
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

test("they share the jobs, log to one stream of whole lines, and end well on a signal", async () => {
  await using supervisor = start("--processes", "2", "--concurrency", "4");
  const working = await pids(2);
  expect(working).not.toContain(supervisor.child.pid);
  const ids = await add("wait", 8);
  for (const id of ids) await untilState(id, "running");
  // A process that is told to stop before it has said what it does doesn't say it any more.
  await supervisor.says("in each of 2 processes");
  supervisor.kill("SIGTERM");
  await supervisor.says("SIGTERM: stopping 2 processes");
  await db.query("insert into done default values");
  const { code, stdout, stderr } = await supervisor.ended;
  expect(code).toBe(0);
  const { rows } = await db.query("select state, output from taskrun.jobs");
  expect(rows.map(({ state }) => state)).toEqual(Array(8).fill("completed"));
  expect(new Set(rows.map(({ output }) => output.pid))).toEqual(new Set(working));
  const waits = logOf({ stdout }).filter(({ msg }) => msg === "waits");
  expect(waits).toHaveLength(8);
  expect(new Set(waits.map(({ pid }) => pid))).toEqual(new Set(working));
  expect(stderr.match(/in each of 2 processes/g)).toHaveLength(1);
  expect(working.filter(isAlive)).toEqual([]);
  expect((await db.query("select 1 from taskrun.processes")).rowCount).toBe(0);
});

test("a second signal ends all at once, and the jobs go back", async () => {
  await using supervisor = start("--processes", "2", "--shutdown-grace", "60s");
  await pids(2);
  const [id = ""] = await add("wait");
  await untilState(id, "running");
  supervisor.kill("SIGTERM");
  await supervisor.says("stopping 2 processes");
  const startedAtMs = performance.now();
  supervisor.kill("SIGINT");
  expect((await supervisor.ended).code).toBe(0);
  expect(performance.now() - startedAtMs).toBeLessThan(30_000);
  expect(await untilState(id, "pending")).toMatchObject({ attempts: 0 });
});

test("a process that is killed gets a successor, and its jobs run elsewhere", async () => {
  await using supervisor = start("--processes", "2", "--concurrency", "1");
  const before = await pids(2);
  const ids = await add("wait", 2);
  for (const id of ids) await untilState(id, "running");
  await supervisor.says("until Ctrl-C");
  const [victim = 0] = before;
  process.kill(victim, "SIGKILL");
  await supervisor.says("gave away the jobs");
  await db.query("insert into done default values");
  for (const id of ids) await untilState(id, "completed");
  const after = await pids(2);
  expect(after).toHaveLength(2);
  expect(after).not.toContain(victim);
  expect(after).toContain(before[1]);
  supervisor.kill("SIGTERM");
  const { code, stdout, stderr } = await supervisor.ended;
  expect(code).toBe(0);
  expect(logOf({ stdout })).toContainEqual(
    expect.objectContaining({
      msg: "a process ended unasked; another takes its place",
      childPid: victim,
      signal: "SIGKILL",
    }),
  );
  // Its successor doesn't tell all that again.
  expect(stderr.match(/until Ctrl-C/g)).toHaveLength(1);
});

test("processes that end again and again are given up", async () => {
  await project.write("tasks/answer.ts", "process.kill(process.pid, 'SIGKILL');");
  await using supervisor = start("--processes", "2");
  const { code, stdout } = await supervisor.ended;
  expect(code).toBe(71);
  expect(logOf({ stdout })).toContainEqual(
    expect.objectContaining({
      level: "fatal",
      msg: "a process ends again and again: giving up",
      crashes: 6,
    }),
  );
});

test("a start that can't succeed is tried once", async () => {
  await using first = start("--http-port", "0");
  await first.says("  http ");
  const port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(first.stderr)?.[1] ?? "";
  await using supervisor = start("--processes", "2", "--http-port", port);
  const { code, stderr } = await supervisor.ended;
  expect(code).toBe(78);
  expect(stderr.match(/another process listens there/g)).toHaveLength(1);
});

test("SIGUSR2 replaces one after the other; jobs go on, the new ones on new code", async () => {
  await using supervisor = start("--processes", "2", "--http-port", "0");
  const before = await pids(2);
  await supervisor.says("  http ");
  const [waiting = ""] = await add("wait");
  await untilState(waiting, "running");
  await project.write("tasks/answer.ts", answering("two"));
  supervisor.kill("SIGUSR2");
  await supervisor.says("replacing the processes one by one");
  // Jobs that are added meanwhile run.
  const [during = ""] = await add("answer");
  await untilState(during, "completed");
  await db.query("insert into done default values");
  for (let n = 0; n < 2; n += 1) await supervisor.says(`"replaced":${before[n]}`);
  const after = await pids(2);
  expect(after.filter((pid) => before.includes(pid))).toEqual([]);
  const [last = ""] = await add("answer");
  expect(await untilState(last, "completed")).toMatchObject({ output: { text: "two" } });
  expect(await untilState(waiting, "completed")).toMatchObject({ attempts: 1 });
  while (supervisor.stderr.match(/ {2}http /g)?.length === 1) await sleep(20);
  supervisor.kill("SIGTERM");
  const { code, stderr } = await supervisor.ended;
  expect(code).toBe(0);
  expect(stderr.match(/ {2}http /g)).toHaveLength(2);
});

test("asked again while it replaces them, it does so once more", async () => {
  await using supervisor = start("--processes", "2");
  const before = await pids(2);
  supervisor.kill("SIGUSR2");
  await supervisor.says("replacing the processes one by one");
  await project.write("tasks/answer.ts", answering("two"));
  supervisor.kill("SIGUSR2");
  const rounds = () => supervisor.stdout.match(/replacing the processes one by one/g)?.length;
  while (rounds() !== 2 || (await pids(2)).some((pid) => before.includes(pid))) await sleep(20);
  const replaced = () => logOf(supervisor).filter(({ msg }) => msg === "a process was replaced");
  while (replaced().length < 4) await sleep(20);
  const [id = ""] = await add("answer");
  expect(await untilState(id, "completed")).toMatchObject({ output: { text: "two" } });
  supervisor.kill("SIGTERM");
  expect((await supervisor.ended).code).toBe(0);
});

test("code that doesn't start replaces nothing", async () => {
  await using supervisor = start("--processes", "2");
  const before = await pids(2);
  await project.write("tasks/deadly.ts", "process.kill(process.pid, 'SIGKILL');");
  supervisor.kill("SIGUSR2");
  await supervisor.says("the new process ended before it worked; the others go on");
  expect(await pids(2)).toEqual(before);
  const [id = ""] = await add("answer");
  await untilState(id, "completed");
  supervisor.kill("SIGTERM");
  expect((await supervisor.ended).code).toBe(0);
});

test("when the supervisor is killed, its processes end well by themselves", async () => {
  await using supervisor = start("--processes", "2");
  const working = await pids(2);
  const [id = ""] = await add("wait");
  await untilState(id, "running");
  supervisor.kill("SIGKILL");
  await supervisor.ended;
  await db.query("insert into done default values");
  await untilState(id, "completed");
  await pids(0);
  while (working.some(isAlive)) await sleep(20);
});

describe("--once", () => {
  test("ends when nothing is due, and says what all have done together", async () => {
    await runCli(["migrate"], { cwd: project.dir, env: { DATABASE_URL: database.url } });
    await add("answer", 40);
    await using supervisor = start("--processes", "2", "--once");
    const { code, stderr } = await supervisor.ended;
    expect(code).toBe(0);
    expect(stderr).toContain("Nothing more is due: 40 completed.");
  });

  test("ends with 1 when a job has failed in any of them", async () => {
    await project.write(
      "tasks/fail.ts",
      "export default () => { throw new Error('PERMANENT:'); };",
    );
    await runCli(["migrate"], { cwd: project.dir, env: { DATABASE_URL: database.url } });
    await add("answer", 10);
    await add("fail");
    await using supervisor = start("--processes", "2", "--once");
    expect((await supervisor.ended).code).toBe(1);
    expect(supervisor.stderr).toContain("10 completed, 1 failed");
  });
});

test("a process that has grown beyond maxRss ends its jobs and is replaced", async () => {
  await project.write(
    "tasks/grow.ts",
    `const held = [];
    export default async () => {
      for (let n = 0; n < 300; n += 1) held.push(Buffer.alloc(1_048_576, 1));
      return process.pid;
    };`,
  );
  await using supervisor = start("--processes", "2", "--max-rss", "350");
  const before = await pids(2);
  const [id = ""] = await add("grow");
  const { output: grown } = await untilState(id, "completed");
  await supervisor.says("a process asked for a successor");
  const after = await pids(2);
  expect(before).toContain(grown);
  expect(after).not.toContain(grown);
  supervisor.kill("SIGTERM");
  expect((await supervisor.ended).code).toBe(0);
});

test("in watch mode each follows the files, and one tells", async () => {
  await using supervisor = start("--watch", "--processes", "2", "--concurrency", "1");
  await pids(2);
  await supervisor.says("in each of 2 processes");
  await project.write("tasks/answer.ts", answering("two"));
  await supervisor.says("↻ answer v2");
  const seen = new Set<unknown>();
  while (seen.size < 2) {
    for (const id of await add("answer", 4)) {
      const { output } = await untilState(id, "completed");
      const { text, pid } = Object(output);
      if (text === "two") seen.add(pid);
    }
  }
  supervisor.kill("SIGINT");
  const { code, stderr } = await supervisor.ended;
  expect(code).toBe(0);
  expect(stderr.match(/↻ answer v2/g)).toHaveLength(1);
  expect(stderr.match(/stopping/g)).toHaveLength(1);
});
