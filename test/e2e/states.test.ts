import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate } from "../../src/store/migrate.ts";
import { pause } from "../../src/store/transient.ts";
import { RunningCli, runCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { createTestDatabase } from "../support/test-database.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: pg.Pool;
let project: TaskProject;
let env: Record<string, string>;
let worker: RunningCli;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.url, { schema: "graphile_worker" });
  db = new pg.Pool({ connectionString: database.url, max: 2 });
  project = await TaskProject.of({
    "tasks/quick.ts": "export default async ({ n = 1 }) => ({ n });",
    "tasks/slow.ts": `export default (_payload, ctx) => new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, 600_000);
      ctx.signal.addEventListener("abort", () => { clearTimeout(timer); reject(ctx.signal.reason); });
    });`,
    "tasks/broken.ts": `export default () => { throw new Error("PERMANENT: no such account"); };`,
    "tasks/flaky.ts": `export default () => { throw new Error("the line is busy"); };`,
  });
  env = { DATABASE_URL: database.url, TASKRUN_LOG_LEVEL: "warn" };
  worker = new RunningCli(["run", "--poll-interval", "100ms"], { cwd: project.dir, env });
  const published = "select 1 from taskrun.processes where 'slow' = any (tasks)";
  while ((await db.query(published)).rowCount === 0) await pause(50);
});
afterAll(async () => {
  worker.kill("SIGTERM");
  await worker.ended;
  await db.end();
  await database.drop();
  await project[Symbol.asyncDispose]();
});

interface Row {
  readonly state: string;
  readonly [column: string]: unknown;
}

async function add(call: string): Promise<string> {
  const { rows } = await db.query(`select ${call} as id`);
  return rows[0].id;
}

const slow = "taskrun.add_job('slow', '{}', '{\"timeout\": false}')";

/** For every state: SQL that gets a job there, what explain says, and more of the view's row. */
const ways: Record<string, { get: () => Promise<string>; sentence: RegExp; row?: object }> = {
  pending: {
    get: () => add("(graphile_worker.add_job('task_of_nobody', '{}')).id"),
    sentence: /task_of_nobody/,
  },
  scheduled: {
    get: () => add("(graphile_worker.add_job('quick', run_at := now() + interval '1 hour')).id"),
    sentence: /in (1 h|59 min|60 min)|at \d{4}-/i,
  },
  blocked: {
    get: async () => {
      const parent = await add(slow);
      return add(`taskrun.add_job('quick', '{}', '{"after": [${parent}]}')`);
    },
    sentence: /waits for|blocked/i,
  },
  running: { get: () => add(slow), sentence: /runs|running/i, row: { attempts: 1 } },
  retrying: {
    get: () => add("(graphile_worker.add_job('flaky')).id"),
    sentence: /the line is busy/,
    row: { error: "the line is busy" },
  },
  completed: {
    get: () => add(`(graphile_worker.add_job('quick', '{"n": 7}')).id`),
    sentence: /completed/,
    row: { output: { n: 7 }, attempts: 1 },
  },
  failed: {
    get: () => add("(graphile_worker.add_job('broken')).id"),
    sentence: /failed.*no such account/s,
    row: { attempts: 1, error: "PERMANENT: no such account" },
  },
  cancelled: {
    get: async () => {
      const id = await add("taskrun.add_job('quick', '{}', '{\"delay\": \"1h\"}')");
      await db.query("select taskrun.cancel_job($1, 'not needed any more')", [id]);
      return id;
    },
    sentence: /cancelled.*not needed any more/s,
    row: { error: "not needed any more" },
  },
};

async function untilInState(id: string, state: string): Promise<Row> {
  for (;;) {
    const { rows } = await db.query<Row>("select * from taskrun.jobs where id = $1", [id]);
    if (rows[0]?.state === state) return rows[0];
    await pause(20);
  }
}

test.each(Object.entries(ways))(
  "by SQL alone a job becomes %s, and view, show and explain say so",
  async (state, { get, sentence, row = {} }) => {
    const id = await get();
    const seen = await untilInState(id, state);
    expect(seen).toMatchObject({ id, ...row });
    const options = { cwd: project.dir, env };
    const [shown, explained] = await Promise.all([
      runCli(["show", id, "--json"], options),
      runCli(["explain", id, "--json"], options),
    ]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ id, state, ...row });
    const explanation = JSON.parse(explained.stdout);
    expect(explanation).toMatchObject({ id, state });
    expect(explanation.sentence).toMatch(sentence);
  },
);
