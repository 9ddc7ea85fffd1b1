import pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { examineDatabase } from "../../../src/cli/examine-database.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import { createRuntime } from "../../../src/runtime/create-runtime.ts";
import { migrate, migrationNames } from "../../../src/store/migrate.ts";
import { roleNames, rolesScript } from "../../../src/store/queue/roles-script.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

// Roles belong to the server, which other runs may share. The capital shows what is quoted.
const schema = `Queue_${process.pid}`;
const schemas = schemasFor(schema);
const names = roleNames(schemas);
const users = {
  shop: `shop_${process.pid}`,
  runner: `runner_${process.pid}`,
  analyst: `analyst_${process.pid}`,
  stranger: `stranger_${process.pid}`,
};
const password = "pa55-word";

let database: ScratchDatabase;
let superuser: pg.Client;
const opened: pg.Client[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.url, { schema });
  superuser = new pg.Client({ connectionString: adminUrl() });
  await superuser.connect();
  for (const turn of ["first", "again"]) {
    await superuser.query(rolesScript(schemas, { graphileFunctions: turn === "first" }));
  }
  const roleOf = { shop: names.enqueuer, runner: names.worker, analyst: names.reader };
  for (const [who, name] of Object.entries(users)) {
    await superuser.query(`create role ${name} login password '${password}'`);
    // why: what isn't among the keys is undefined
    const role = roleOf[who as keyof typeof roleOf];
    if (role !== undefined) await superuser.query(`grant "${role}" to ${name}`);
  }
  // With every right that can be granted, yet in no role that sees the rows.
  await superuser.query(`
    grant usage on schema ${schemas.queue}, ${schemas.own} to ${users.stranger};
    grant all on all tables in schema ${schemas.queue} to ${users.stranger};
    grant all on all tables in schema ${schemas.own} to ${users.stranger}`);
});

afterAll(async () => {
  for (const client of opened) await client.end();
  const roles = [...Object.values(users), ...Object.values(names)].map((name) => `"${name}"`);
  await superuser.query(`drop owned by ${roles.join(", ")}`);
  await superuser.query(`drop role ${roles.join(", ")}`);
  await superuser.end();
  await database.drop();
});

function adminUrl(): string {
  const url = new URL(inject("adminDatabaseUrl"));
  url.pathname = new URL(database.url).pathname;
  return url.href;
}

function urlOf(who: keyof typeof users): string {
  const url = new URL(database.url);
  url.username = users[who];
  url.password = password;
  return url.href;
}

async function connect(who: keyof typeof users): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: urlOf(who) });
  await client.connect();
  opened.push(client);
  return client;
}

const refused = { code: "42501" };

test("an enqueuer adds jobs with everything a job may say of itself", async () => {
  const shop = await connect("shop");
  const add = async (options: object, task = "mail") => {
    const { rows } = await shop.query(`select ${schemas.own}.add_job($1, $2, $3)::text as id`, [
      task,
      JSON.stringify({ to: "ada" }),
      JSON.stringify(options),
    ]);
    return rows[0].id;
  };
  const first = await add({ queue: "q", key: "k", delay: "1 hour", priority: "high" });
  expect(await add({ key: "k", queue: "q", delay: "2 hours" })).toBe(first);
  const second = await add({ after: [first], on_parent_failure: "run", timeout: 5000 });
  const third = await add({ retry: { baseDelay: "1s" }, metadata: { a: 1 }, run_at: "2040-01-01" });
  const { rows } = await shop.query(
    `select * from ${schemas.own}.add_jobs('[{"task": "mail", "options": {"delay": 3600000}},
      {"task": "mail", "options": {"after": [${third}]}}]')`,
  );
  expect(rows).toHaveLength(2);
  const { rows: seen } = await superuser.query(
    `select id::text, state from ${schemas.own}.jobs where id = any ($1)`,
    [[first, second, third]],
  );
  expect(Object.fromEntries(seen.map(({ id, state }) => [id, state]))).toEqual({
    [first]: "scheduled",
    [second]: "blocked",
    [third]: "scheduled",
  });
  await superuser.query(`delete from ${schemas.queue}._private_jobs`);
});

test("an enqueuer adds jobs by the command line", async () => {
  await using project = await TaskProject.of({ "package.json": "{}" });
  const environment = { DATABASE_URL: urlOf("shop"), TASKRUN_SCHEMA: schema };
  const ran = await runCli(["add", "mail", "--json"], {
    cwd: project.dir,
    env: environment,
  });
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/"id"/) });
  await superuser.query(`delete from ${schemas.queue}._private_jobs`);
});

test("an enqueuer reads nothing and changes nothing", async () => {
  const shop = await connect("shop");
  const { rows: tables } = await superuser.query(
    `select c.oid::regclass::text as name from pg_class c
     where relnamespace = any ($1::regnamespace[]) and relkind in ('r', 'v')`,
    [[schemas.own, schemas.queue]],
  );
  expect(tables.length).toBeGreaterThan(15);
  for (const { name } of tables) {
    await expect(shop.query(`select * from ${name}`), name).rejects.toMatchObject(refused);
    await expect(shop.query(`delete from ${name}`), name).rejects.toThrow(
      /permission denied|cannot delete from view/,
    );
  }
  const calls = [
    `${schemas.own}.cancel_job(1)`,
    `${schemas.own}.retry_job(1)`,
    `${schemas.queue}.remove_job('k')`,
    `${schemas.queue}.add_job('mail')`,
    `${schemas.queue}.force_unlock_workers(array['w'])`,
  ];
  for (const call of calls) {
    await expect(shop.query(`select ${call}`), call).rejects.toMatchObject(refused);
  }
});

test("an enqueuer calls graphile-worker's functions only when the script said so", async () => {
  const shop = await connect("shop");
  const add = `select (${schemas.queue}.add_job('mail', '{}', run_at => '2040-01-01')).id`;
  await superuser.query(rolesScript(schemas, { graphileFunctions: true }));
  expect((await shop.query(add)).rows).toHaveLength(1);
  await expect(shop.query(`select ${schemas.queue}.remove_job('k')`)).rejects.toMatchObject(
    refused,
  );
  await superuser.query(rolesScript(schemas, { graphileFunctions: false }));
  await expect(shop.query(add)).rejects.toMatchObject(refused);
  await superuser.query(`delete from ${schemas.queue}._private_jobs`);
});

test("a worker runs jobs, keyed, in serial queues, retried and failed, and owns nothing", async () => {
  const shop = await connect("shop");
  for (const options of ["{}", '{"queue": "q"}', '{"queue": "q", "key": "k"}']) {
    await shop.query(`select ${schemas.own}.add_job('good', '{}', $1)`, [options]);
  }
  await shop.query(`select ${schemas.own}.add_job('bad', '{}', '{"max_attempts": 1}')`);
  await shop.query(`select ${schemas.own}.add_job('shy', '{}', '{"max_attempts": 2}')`);
  const runtime = await runtimeAs("runner");
  try {
    expect(await runtime.drain()).toMatchObject({ completed: 4, failed: 2, retrying: 1 });
  } finally {
    await runtime.stop();
  }
  const analyst = await connect("analyst");
  const { rows } = await analyst.query(
    `select task, state, count(*)::int from ${schemas.own}.jobs group by 1, 2 order by 1`,
  );
  expect(rows).toEqual([
    { task: "bad", state: "failed", count: 1 },
    { task: "child", state: "completed", count: 1 },
    { task: "good", state: "completed", count: 3 },
    { task: "shy", state: "failed", count: 1 },
  ]);
  const runner = await connect("runner");
  const forbidden = [
    `insert into ${schemas.own}.migrations (name) values ('9999-mine')`,
    `delete from ${schemas.queue}.migrations`,
    `create table ${schemas.own}.mine ()`,
    `drop table ${schemas.own}.history`,
    `truncate ${schemas.own}.history`,
    `alter table ${schemas.queue}._private_jobs disable row level security`,
    `create or replace function ${schemas.own}.add_jobs(jobs jsonb) returns setof bigint
      language sql as 'select 1::bigint'`,
  ];
  for (const text of forbidden) {
    await expect(runner.query(text), text).rejects.toMatchObject(refused);
  }
});

async function runtimeAs(who: keyof typeof users) {
  const { config } = await loadConfig({ environment: {}, flags: { schema } });
  let tries = 0;
  const definitions = {
    good: async () => 7,
    child: async () => undefined,
    bad: async (_: unknown, ctx: { enqueue(task: string): Promise<unknown> }) => {
      await ctx.enqueue("child");
      throw new Error("no");
    },
    shy: {
      retry: { baseDelay: 0 },
      handler: async () => {
        tries += 1;
        throw new Error(`try ${tries}`);
      },
    },
  };
  const tasks = new Map(
    Object.entries(definitions).map(([name, definition]) => [
      name,
      resolveTask(definition, { name, file: `${name}.ts`, version: 1, layers: [] }),
    ]),
  );
  return createRuntime({
    config: { ...config, crontab: false, shutdownGraceMs: 1000, shutdownDeadlineMs: 1000 },
    connectionString: urlOf(who),
    loader: { load: async () => ({ tasks, failures: [] }), close: async () => undefined },
    logger: pino({ level: "silent" }),
  });
}

test("a reader reads jobs, history and the queue, and changes nothing", async () => {
  const analyst = await connect("analyst");
  const { rows: added } = await superuser.query(
    `select ${schemas.own}.add_job('mail', '{"to": "ada"}') as id`,
  );
  for (const table of [`${schemas.own}.jobs`, `${schemas.queue}.jobs`]) {
    const { rows } = await analyst.query(`select * from ${table}`);
    expect(rows.length, table).toBeGreaterThan(0);
  }
  const forbidden = [
    `select ${schemas.own}.add_job('mail')`,
    `select ${schemas.queue}.add_job('mail')`,
    `select ${schemas.own}.cancel_job(${added[0].id})`,
    `update ${schemas.own}.history set state = 'completed'`,
    `delete from ${schemas.queue}._private_jobs`,
    `insert into ${schemas.own}.pauses (kind) values ('all')`,
  ];
  for (const text of forbidden) {
    await expect(analyst.query(text), text).rejects.toMatchObject(refused);
  }
  const { rows } = await superuser.query(
    `select has_table_privilege($1, oid, 'SELECT') as reads from pg_class
     where relnamespace = $2::regnamespace and relname = 'tokens'`,
    [users.analyst, schemas.own],
  );
  for (const { reads } of rows) expect(reads).toBe(false);
  await using project = await TaskProject.of({ "package.json": "{}" });
  const environment = { DATABASE_URL: urlOf("analyst"), TASKRUN_SCHEMA: schema };
  const { code, stdout } = await runCli(["jobs", "--json"], { cwd: project.dir, env: environment });
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("mail") });
  await superuser.query(`delete from ${schemas.queue}._private_jobs`);
});

test("who can't see the queue's rows, or not run jobs, is told so at start", async () => {
  const start = (who: keyof typeof users) => migrate(urlOf(who), { schema });
  expect(await start("runner")).toMatchObject({ applied: [], unknownQueueMigration: null });
  await expect(start("stranger")).rejects.toMatchObject({
    code: "missing-rights",
    message: expect.stringContaining("row level security hides them"),
  });
  await expect(start("analyst")).rejects.toMatchObject({
    code: "missing-rights",
    message: expect.stringContaining(`"${users.analyst}" may not change`),
  });
  await expect(start("shop")).rejects.toMatchObject({
    code: "missing-rights",
    message: expect.stringContaining("to look whether the database is up to date"),
  });
});

test("the doctor says who can't see the queue's rows", async () => {
  const examine = async (who: keyof typeof users) => {
    const connection = urlOf(who);
    const { config } = await loadConfig({ flags: { connection, schema }, environment: {} });
    const findings = await examineDatabase(config);
    return findings.find(({ name }) => name === "queue rows");
  };
  expect(await examine("runner")).toBeUndefined();
  expect(await examine("analyst")).toMatchObject({ status: "warn" });
  expect(await examine("stranger")).toMatchObject({
    status: "fail",
    detail: expect.stringContaining("row level security hides"),
  });
  expect(await examine("shop")).toMatchObject({
    status: "fail",
    detail: expect.stringContaining("may not read"),
  });
});

test("a worker that finds migrations missing says who is to run them", async () => {
  const newest = migrationNames().at(-1);
  await superuser.query(`delete from ${schemas.own}.migrations where name = $1`, [newest]);
  try {
    await expect(migrate(urlOf("runner"), { schema })).rejects.toMatchObject({
      code: "missing-rights",
      message: expect.stringMatching(/to bring the database up to date.*Run `taskrun migrate` as/),
    });
  } finally {
    await superuser.query(`insert into ${schemas.own}.migrations values ($1)`, [newest]);
  }
});

test("the script refuses functions whose owner wouldn't see the queue's rows, and changes nothing", async () => {
  const addJob = `${schemas.own}.add_job(text, jsonb, jsonb)`;
  const { rows } = await superuser.query(
    "select proowner::regrole::text as owner from pg_proc where oid = $1::regprocedure",
    [addJob],
  );
  await superuser.query(`alter function ${addJob} owner to "${names.reader}"`);
  try {
    await expect(
      superuser.query(rolesScript(schemas, { graphileFunctions: true })),
    ).rejects.toThrow(/the owner of .*add_job.* is not the owner of .*_private_jobs/);
  } finally {
    await superuser.query("rollback");
    await superuser.query(`alter function ${addJob} owner to ${rows[0].owner}`);
  }
  const shop = await connect("shop");
  await expect(shop.query(`select ${schemas.queue}.add_job('mail')`)).rejects.toMatchObject(
    refused,
  );
});
