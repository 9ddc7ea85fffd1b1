/** A process whose event loop a handler blocks, and what is said of it while nobody else can. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LoopBlock, LoopWatch } from "../../../src/runtime/presence/loop-watch.ts";
import { RunningSlots } from "../../../src/runtime/presence/running-slots.ts";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { RunningCli, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

describe("a handler blocks its process until it has been noticed", () => {
  let database: ScratchDatabase;
  let project: TaskProject;
  let running: RunningCli;

  beforeAll(async () => {
    database = await createTestDatabase();
    project = await TaskProject.of({
      "tasks/block.ts": `
        function spin(ms: number) {
          const until = Date.now() + ms;
          while (Date.now() < until);
        }
        import { existsSync } from "node:fs";
        export default { timeout: false, handler: async () => {
          await null;
          while (!existsSync("noticed")) spin(500);
        } };`,
    });
    running = new RunningCli(["run"], {
      cwd: project.dir,
      env: {
        DATABASE_URL: database.url,
        TASKRUN_LOG_FORMAT: "json",
        TASKRUN_HEARTBEAT_INTERVAL: "200ms",
      },
    });
    await running.says("until Ctrl-C");
  });

  afterAll(async () => {
    running.kill("SIGTERM");
    await running.ended;
    await project[Symbol.asyncDispose]();
    await database.drop();
  });

  function lineWith(text: string): Record<string, unknown> {
    const line = running.stdout.split("\n").find((each) => each.includes(text));
    return JSON.parse(line ?? "{}");
  }

  test("it is said with the job, the task, how long and the place, during and after", async () => {
    const { stdout } = await runCli(["add", "block", "--json"], {
      cwd: project.dir,
      env: { DATABASE_URL: database.url },
    });
    const { id } = JSON.parse(stdout);
    await running.says("the event loop is blocked");
    expect(running.stdout).not.toContain("attempt completed");
    const about = {
      jobs: [{ jobId: id, task: "block" }],
      at: expect.stringMatching(/^spin \(.*tasks\/block\.ts:4:\d+\)$/),
    };
    const during = lineWith("the event loop is blocked");
    expect(during).toMatchObject({ ...about, level: "error" });
    expect(during.blockedMs).toBeGreaterThanOrEqual(5_000);
    await project.write("noticed", "");
    await running.says("the event loop was blocked");
    const after = lineWith("the event loop was blocked");
    expect(after).toMatchObject({ ...about, level: "warn" });
    expect(after.blockedMs).toBeGreaterThanOrEqual(Number(during.blockedMs));
    await running.says("attempt completed");
  });
});

describe("a handler blocks its process for longer than maxBlock", () => {
  test("the process counts as dead, and its job runs in another", async () => {
    const database = await createTestDatabase();
    // What is listed as running by its process counts as an attempt when that is dead.
    await using project = await TaskProject.of({
      "tasks/block.ts": `import { existsSync } from "node:fs";
      export default { timeout: false, handler: async (_: unknown, ctx: any) => {
        if (ctx.attempt > 1) return process.pid;
        const listed = "select 1 from taskrun.processes where $1 = any(running)";
        while ((await ctx.query(listed, [ctx.jobId])).rowCount === 0);
        while (!existsSync("enough"));
      } };`,
    });
    const options = {
      cwd: project.dir,
      env: {
        DATABASE_URL: database.url,
        TASKRUN_HEARTBEAT_INTERVAL: "200ms",
        TASKRUN_MAX_BLOCK: "1s",
      },
    };
    await using blocked = new RunningCli(["run"], options);
    await blocked.says("until Ctrl-C");
    const { stdout: added } = await runCli(["add", "block", "--json"], options);
    const { id } = JSON.parse(added);
    await using other = new RunningCli(["run"], options);
    await other.says("fell silent");
    await other.says("attempt completed");
    expect(blocked.stdout).not.toContain("attempt completed");
    const { stdout } = await runCli(["show", id, "--json"], options);
    expect(JSON.parse(stdout)).toMatchObject({ state: "completed", output: other.child.pid });
    await project.write("enough", "");
    await blocked.says("it goes on under a new id");
    for (const running of [blocked, other]) running.kill("SIGTERM");
    await Promise.all([blocked.ended, other.ended]);
    await database.drop();
  });
});

test("a process that stood still as a whole is not reported", async () => {
  const pulse = new SharedArrayBuffer(16);
  const cells = new Float64Array(pulse);
  const now = () => performance.timeOrigin + performance.now();
  const seen: LoopBlock[] = [];
  const told = Promise.withResolvers<void>();
  const running = new RunningSlots(2);
  running.take("7");
  const watch = new LoopWatch({
    pulse,
    running: running.buffer,
    findStack: async () => null,
    onBlocked: (block) => {
      seen.push(block);
      told.resolve();
    },
    onFree: () => {},
  });
  // Both threads have slept: the first look comes late, and the loop has not had its turn yet.
  cells[0] = now() - 60_000;
  watch.start();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(seen).toEqual([]);
  await told.promise;
  watch.stop();
  expect(seen).toMatchObject([{ jobs: [7], stack: null }]);
});
