import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { type CliResult, RunningCli, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: ScratchDatabase;
let project: TaskProject;

beforeAll(async () => {
  database = await createTestDatabase();
  project = await TaskProject.of({
    "tasks/send_email.mjs": `export default {
      aliases: ["mail:send"],
      payload: { "~standard": { version: 1, vendor: "test", validate: (value) =>
        typeof value.to === "string" ? { value }
          : { issues: [{ message: "expected a text", path: ["to"] }] } } },
      handler: async (payload) => ({ sent: payload.to }),
    };`,
    "tasks/fail.mjs": "export default async () => { throw new Error('no luck'); };",
    "payload.json": '{"to":"file@example.com"}',
  });
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

function cli(args: string[], input?: string): Promise<CliResult> {
  const options = { cwd: project.dir, env: { DATABASE_URL: database.url } };
  return runCli(args, input === undefined ? options : { ...options, input });
}

async function jobCount(): Promise<number> {
  const { stdout } = await cli(["jobs", "--json", "--limit", "1000"]);
  return JSON.parse(stdout).length;
}

async function added(args: string[], input?: string): Promise<Record<string, unknown>> {
  const { stdout } = await cli(["add", ...args, "--json"], input);
  const shown = await cli(["show", JSON.parse(stdout).id, "--json"]);
  return JSON.parse(shown.stdout);
}

test("without --json the id alone is on stdout", async () => {
  const { code, stdout, stderr } = await cli(["add", "fail"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\d+\n$/);
  expect(stderr).toContain(`Added job ${stdout.trim()} of fail`);
});

test("every flag reaches the job", async () => {
  const before = Date.now();
  const job = await added([
    ...["fail", "[1]", "--delay", "5m", "--priority", "high", "--queue", "q", "--key", "k1"],
    ...["--max-attempts", "7", "--metadata", '{"a":[1]}', "--correlation-id", "007"],
    ...["--created-by", "Ada"],
  ]);
  expect(job).toMatchObject({
    task: "fail",
    state: "scheduled",
    payload: [1],
    priority: -10,
    queue: "q",
    key: "k1",
    max_attempts: 7,
    metadata: { a: [1] },
    correlation_id: "007",
    created_by: "Ada",
  });
  // Five minutes from a moment between its start and its end; the database rounds.
  const from = Date.parse(String(job.run_at)) - 300_000;
  expect(from).toBeGreaterThan(before - 2);
  expect(from).toBeLessThan(Date.now() + 2);
});

test("a job's own retries and timeout are kept with it", async () => {
  const retry = '{"type":"fixed","interval_ms":5,"max_attempts":9}';
  const { stdout } = await cli(["add", "fail", "--retry", retry, "--timeout", "10s"]);
  const other = await cli(["add", "fail", "--timeout", "none"]);
  const db = new pg.Pool({ connectionString: database.url });
  const { rows } = await db.query(
    `select retry, timeout_ms from taskrun.job_details where job_id = any ($1) order by job_id`,
    [[stdout.trim(), other.stdout.trim()]],
  );
  await db.end();
  expect(rows).toEqual([
    { retry: JSON.parse(retry), timeout_ms: 10_000 },
    { retry: null, timeout_ms: 0 },
  ]);
  expect(await added(["fail", "--retry", retry])).toMatchObject({ max_attempts: 9 });
});

describe("the payload comes from", () => {
  test.each([
    ["the command line", ['{"to":"a@b.c"}'], undefined, { to: "a@b.c" }],
    ["a file", ["@payload.json"], undefined, { to: "file@example.com" }],
    ["standard input", ["-"], '{"to":"in@example.com"}', { to: "in@example.com" }],
  ])("%s", async (_, args, input, payload) => {
    expect(await added(["send_email", ...args], input)).toMatchObject({ payload });
  });
});

describe("is refused with 2 and adds nothing:", () => {
  let before = 0;

  test.each([
    ["an unknown task", ["send-mail"], "Did you mean"],
    ["a payload that breaks the schema", ["send_email", "{}"], "$.to: expected a text"],
    ["the same under an alias", ["mail:send", "{}"], "$.to: expected a text"],
    ["a payload that is no JSON", ["fail", "{to:1}"], "not JSON"],
    ["a file that isn't there", ["fail", "@nowhere.json"], "nowhere.json can't be read"],
    ["a wrong delay", ["fail", "--delay", "soon"], "--delay soon: expected a duration"],
    ["a wrong moment", ["fail", "--run-at", "tomorrow"], "--run-at tomorrow"],
    ["a wrong priority", ["fail", "--priority", "urgent"], "--priority urgent"],
    ["too many attempts", ["fail", "--max-attempts", "99999"], "from 1 to 32767"],
    ["retries that are no JSON", ["fail", "--retry", "soon"], "--retry is not JSON"],
    ["retries that are wrong", ["fail", "--retry", '{"factor":0}'], "retry.factor: got 0"],
    ["a wrong timeout", ["fail", "--timeout", "soon"], '"30s" or "5m", or none'],
    ["parents that are no ids", ["fail", "--after", "12,x"], "expected an array of the ids"],
    ["a parent that never was", ["fail", "--after", "987654321"], "there is no job 987654321"],
    ["an unknown rule", ["fail", "--on-parent-failure", "go"], '"cancel", "run" or "fail"'],
    ["metadata that is no object", ["fail", "--metadata", "[1]"], "expected a JSON object"],
    ["delay and moment at once", ["fail", "--delay", "1s", "--run-at", "2030-01-01"], "or"],
  ])("%s", async (_, args, reason) => {
    const { code, stdout, stderr } = await cli(["add", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(reason);
  });

  beforeAll(async () => {
    before = await jobCount();
  });

  afterAll(async () => {
    expect(await jobCount()).toBe(before);
  });
});

test("--force adds a job of a task that isn't here", async () => {
  expect(await added(["elsewhere", "--force"])).toMatchObject({ task: "elsewhere" });
});

test("--wait prints one object when the job has ended, and its end decides the code", async () => {
  const env = { DATABASE_URL: database.url };
  await using running = new RunningCli(["run"], { cwd: project.dir, env });
  await running.says("until Ctrl-C");
  const sent = await cli(["add", "send_email", '{"to":"a@b.c"}', "--wait", "--json"]);
  expect(sent.code).toBe(0);
  expect(JSON.parse(sent.stdout)).toEqual({
    id: expect.stringMatching(/^\d+$/),
    task: "send_email",
    state: "completed",
    output: { sent: "a@b.c" },
    error: null,
    attempts: 1,
  });
  const failed = await cli(["add", "fail", "--max-attempts", "1", "--wait", "--json"]);
  expect(failed.code).toBe(1);
  expect(JSON.parse(failed.stdout)).toMatchObject({ state: "failed", error: "no luck" });
});

test("--wait-timeout ends the waiting with 75 and leaves the job", async () => {
  const { code, stdout } = await cli([
    ...["add", "fail", "--delay", "1h", "--wait", "--wait-timeout", "500ms", "--json"],
  ]);
  expect(code).toBe(75);
  expect(JSON.parse(stdout)).toMatchObject({ state: "scheduled", attempts: 0 });
});
