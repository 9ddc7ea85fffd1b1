import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { changeLine } from "../../src/cli/follow-jobs.ts";
import type { JobRow } from "../../src/store/jobs.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { RunningCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { addBySql, testRuntime } from "../support/test-runtime.ts";

let kit: TestRuntime;
let project: TaskProject;

beforeEach(async () => {
  kit = await testRuntime({ good: async () => 1 });
  project = await TaskProject.of({ "tasks/good.mjs": "export default async () => 1;" });
});

afterEach(async () => {
  await project[Symbol.asyncDispose]();
  await kit.stop();
});

function follow(...args: string[]): RunningCli {
  const env = { DATABASE_URL: kit.connectionString };
  return new RunningCli(["jobs", "-f", ...args], { cwd: project.dir, env });
}

test("jobs -f prints a line for each change and ends well at a signal", async () => {
  await using cli = follow();
  await cli.says("Waiting for changes");
  const id = await addBySql(kit, "good");
  await cli.says(` ${id}  good `);
  await kit.drain();
  await cli.says("completed");
  cli.kill("SIGTERM");
  const { code, stdout } = await cli.ended;
  expect(code).toBe(0);
  expect(stdout.trimEnd().split("\n").at(-1)).toMatch(
    new RegExp(`^\\d\\d:\\d\\d:\\d\\d +${id}  good +completed  1/25  in \\d[\\d.]*m?s$`),
  );
});

test("jobs -f --json prints one object a line, with the state before", async () => {
  await using cli = follow("--json", "--task", "good");
  await cli.says("Waiting for changes");
  const id = await addBySql(kit, "good");
  await cli.says('"state":"pending"');
  await kit.drain();
  await cli.says('"state":"completed"');
  cli.kill("SIGINT");
  const { code, stdout } = await cli.ended;
  expect(code).toBe(0);
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.at(0)).toMatchObject({ id, task: "good", state: "pending", state_before: null });
  expect(lines.at(-1)).toMatchObject({ id, state: "completed", output: 1 });
});

test("jobs -f ends when nobody reads any more", async () => {
  await using cli = follow();
  await cli.says("Waiting for changes");
  cli.child.stdout?.destroy();
  await addBySql(kit, "good");
  expect(await cli.ended).toMatchObject({ code: 0 });
});

test("jobs -f tells what happens from now on, so that it takes no --since", async () => {
  await using cli = follow("--since", "1h");
  expect(await cli.ended).toMatchObject({ code: 2 });
});

test("a line of a change has what matters in that state", () => {
  // What is due in a minute is due in 59 seconds when the machine has much else to do.
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const job = {
    id: "17",
    task: "mail",
    state: "retrying",
    attempts: 1,
    max_attempts: 3,
    error: "refused\nby the server",
    created_at: new Date(),
    run_at: new Date(Date.now() + 60_300),
    started_at: null,
    finished_at: null,
  } as JobRow; // why: the rest is not looked at
  expect(changeLine({ job, before: null })).toMatch(
    /^\d\d:\d\d:\d\d {6}17 {2}mail {18}retrying {3}1\/3 {2}refused; next run in 1m$/,
  );
  const later = { ...job, state: "scheduled" } as const;
  expect(changeLine({ job: later, before: null })).toMatch(/1\/3 {2}due in 1m$/);
});
