import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { type CliResult, RunningCli, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: ScratchDatabase;
let project: TaskProject;

beforeEach(async () => {
  database = await createTestDatabase();
  project = await TaskProject.of({
    "tasks/greet.ts": "export default async (payload) => ({ hello: payload.name ?? 'nobody' });",
    "tasks/fail.ts": "export default async () => { throw new Error('no luck'); };",
    "tasks/sleep.ts": `export default async (payload, ctx) => {
      ctx.log.info("asleep");
      await new Promise((resolve) => setTimeout(resolve, payload.ms));
      return "slept";
    };`,
    "tasks/broken.ts": "export default (",
  });
});

afterEach(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

function options() {
  return { cwd: project.dir, env: { DATABASE_URL: database.url } };
}

function cli(...args: string[]): Promise<CliResult> {
  return runCli(args, options());
}

async function job(id: string): Promise<Record<string, unknown>> {
  const { stdout } = await cli("show", id, "--json");
  return JSON.parse(stdout);
}

describe("--once", () => {
  test("runs what is due and ends with 0", async () => {
    const added = await cli("add", "greet", '{"name":"Ada"}', "--json");
    const { id } = JSON.parse(added.stdout);
    const { code, stderr } = await cli("--once");
    expect(code).toBe(0);
    expect(stderr).toContain("Nothing more is due: 1 completed.");
    expect(await job(id)).toMatchObject({ state: "completed", output: { hello: "Ada" } });
  });

  test("ends with 1 when a job has failed for good", async () => {
    await cli("add", "fail", "--max-attempts", "1");
    const { code, stderr } = await cli("run", "--once");
    expect(code).toBe(1);
    expect(stderr).toContain("1 failed");
  });

  test("ends with 0 when nothing is due", async () => {
    const { code, stderr } = await cli("--once");
    expect(code).toBe(0);
    expect(stderr).toContain("Nothing was due.");
  });
});

describe("a start", () => {
  test("tells tasks, database without password and load failures, and works", async () => {
    await using running = new RunningCli(["run"], options());
    await running.says("until Ctrl-C");
    const { stdout } = await cli("add", "greet", "--wait", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ state: "completed", output: { hello: "nobody" } });
    expect(running.stderr).toContain("3 in tasks, 1 can't be loaded");
    expect(running.stderr).toContain("tasks/broken.ts:1:");
    const { password } = new URL(database.url);
    expect(running.stderr).toContain(database.name);
    expect(password === "" || !running.stderr.includes(password)).toBe(true);
    running.kill("SIGTERM");
    const { code, stdout: log } = await running.ended;
    expect(code).toBe(0);
    const lines = log
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toContainEqual(
      expect.objectContaining({ level: "error", msg: "a task file can't be loaded" }),
    );
  });

  test("on a database that doesn't exist ends with 69 and says why", async () => {
    const url = new URL(database.url);
    url.pathname = "/no_such_database";
    const { code, stderr } = await runCli(["run"], {
      cwd: project.dir,
      env: { DATABASE_URL: url.href },
    });
    expect(code).toBe(69);
    expect(stderr).toContain("there is no such database");
  });
});

test("a user without rights is refused with 69 and told what to grant", async () => {
  const role = `limited_${process.pid}`;
  const admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  try {
    await admin.query(`create role ${role} login password 'limited'`);
    const url = new URL(database.adminUrl);
    url.username = role;
    url.password = "limited";
    const env = { DATABASE_URL: url.href };
    const { code, stderr } = await runCli(["run"], { cwd: project.dir, env });
    expect(code).toBe(69);
    expect(stderr).toContain("This role has not the rights to bring the database up to date");
    expect(stderr).toContain("a role with CREATE on it");
    const doctor = await runCli(["doctor", "--json"], { cwd: project.dir, env });
    expect(JSON.parse(doctor.stdout)).toContainEqual(
      expect.objectContaining({ name: "rights", status: "fail" }),
    );
  } finally {
    await admin.query(`drop role ${role}`);
    await admin.end();
  }
});

describe("signals", () => {
  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "%s lets running jobs end and ends with 0",
    async (signal) => {
      await using running = new RunningCli(["run"], options());
      await running.says("until Ctrl-C");
      const added = await cli("add", "sleep", '{"ms":1000}', "--json");
      await running.says("asleep");
      running.kill(signal);
      const { code } = await running.ended;
      expect(code).toBe(0);
      expect(await job(JSON.parse(added.stdout).id)).toMatchObject({ state: "completed" });
    },
  );

  test("a second one gives the jobs back and ends with 0 at once", async () => {
    await using running = new RunningCli(["run", "--shutdown-grace", "60s"], options());
    await running.says("until Ctrl-C");
    const added = await cli("add", "sleep", '{"ms":60000}', "--json");
    await running.says("asleep");
    running.kill("SIGTERM");
    await running.says("stopping after 1 job");
    const before = performance.now();
    running.kill("SIGINT");
    const { code } = await running.ended;
    expect(code).toBe(0);
    // The grace is a minute, the job takes one too.
    expect(performance.now() - before).toBeLessThan(30_000);
    expect(await job(JSON.parse(added.stdout).id)).toMatchObject({ state: "pending", attempts: 0 });
  });

  test("one that comes while the database is waited for ends with 0", async () => {
    const env = { DATABASE_URL: "postgres://127.0.0.1:1/x" };
    await using running = new RunningCli(["run"], { cwd: project.dir, env });
    await running.says("waiting for postgres://127.0.0.1:1/x");
    running.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
  });
});

test("a reader of the log that goes away doesn't end the process", async () => {
  await using running = new RunningCli(["run"], options());
  await running.says("until Ctrl-C");
  running.child.stdout?.destroy();
  for (const name of ["one", "two"]) {
    const { stdout } = await cli("add", "greet", JSON.stringify({ name }), "--wait", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ state: "completed", output: { hello: name } });
  }
  running.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
});

test("an error that a handler leaves behind ends no other job", async () => {
  await project.write(
    "tasks/stray.ts",
    `export default async () => {
      setTimeout(() => { throw new Error("stray"); }, 1);
      Promise.reject(new Error("unawaited"));
    };`,
  );
  await using running = new RunningCli(["run"], options());
  await running.says("until Ctrl-C");
  const sleeping = await cli("add", "sleep", '{"ms":1500}', "--json");
  await running.says("asleep");
  await cli("add", "stray", "--wait");
  await running.says("stray");
  await running.says("unawaited");
  running.kill("SIGTERM");
  await running.ended;
  expect(await job(JSON.parse(sleeping.stdout).id)).toMatchObject({ state: "completed" });
});
