import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { runCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { createTestDatabase } from "../support/test-database.ts";

let database: ScratchDatabase;
let project: TaskProject;
let db: pg.Pool;

const schema = (check: string) => `payload: { "~standard": { version: 1, vendor: "test",
  validate: (value) => ${check} ? { value } : { issues: [{ message: "not a text", path: ["to"] }] },
} }`;

beforeAll(async () => {
  database = await createTestDatabase();
  db = new pg.Pool({ connectionString: database.url });
  project = await TaskProject.of({
    "tasks/send_email.mjs": `export default { aliases: ["mail:send"],
      ${schema('typeof value.to === "string"')}, handler: async () => null };`,
    "tasks/anything.mjs": "export default async () => null;",
    "tasks/broken.mjs": "export default {",
  });
  expect((await cli(["migrate"])).code).toBe(0);
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await db.end();
  await database.drop();
});

function cli(args: string[]) {
  return runCli(args, { cwd: project.dir, env: { DATABASE_URL: database.url } });
}

async function queue(task: string, payload: unknown, count = 1): Promise<string[]> {
  const { rows } = await db.query(
    "select taskrun.add_job($1, $2)::text as id from generate_series(1, $3::int)",
    [task, JSON.stringify(payload), count],
  );
  return rows.map(({ id }) => id);
}

describe("taskrun check --queued", () => {
  test("with nothing to complain of ends with 0, unknown tasks being told", async () => {
    await queue("send_email", { to: "a" }, 1201);
    await queue("anything", 5);
    const ids = await queue("old_task", {}, 2);
    const { code, stdout, stderr } = await cli(["check", "--queued"]);
    expect(stdout).toBe(
      `no task file has "old_task": 2 queued jobs not checked (jobs ${ids.join(", ")})\n`,
    );
    expect(stderr).toContain("No faults: 1202 queued payloads fit the tasks.");
    expect(code).toBe(0);
  });

  test("says how many of which payloads would fail where, and ends with 1", async () => {
    const wrong = await queue("send_email", { to: 5 }, 3);
    const aliased = await queue("mail:send", {});
    const broken = await queue("broken", {});
    const { code, stdout, stderr } = await cli(["check", "--queued"]);
    expect(stdout.split("\n")).toEqual([
      `1 of 1 pending mail:send payload would fail at $.to: not a text (job ${aliased[0]})`,
      `3 of 1204 pending send_email payloads would fail at $.to: not a text (jobs ${wrong.join(", ")})`,
      `tasks/broken.mjs can't be loaded: 1 queued job not checked (job ${broken[0]})`,
      expect.stringContaining('no task file has "old_task": 2 queued jobs'),
      "",
    ]);
    expect(stderr).toContain("4 of 1206 queued payloads would fail");
    expect(code).toBe(1);
  });

  test("--json prints the report, and jobs that have ended are not in it", async () => {
    await db.query(
      `update graphile_worker._private_jobs set attempts = max_attempts
       where id in (select id from taskrun.jobs where task = 'send_email')`,
    );
    const { code, stdout } = await cli(["check", "--queued", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      jobs: 5,
      failing: 1,
      tasks: [
        { task: "anything", jobs: 1, failing: 0, places: [] },
        { task: "mail:send", jobs: 1, failing: 1, places: [{ path: "$.to", jobs: 1 }] },
      ],
      unknown: [
        { task: "broken", jobs: 1 },
        { task: "old_task", jobs: 2 },
      ],
    });
  });
});
