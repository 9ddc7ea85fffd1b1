/**
 * A secret that goes every way a job can go, and is then looked for in everything that is written
 * down or shown: log lines, tables, answers of the API, output of the command.
 */

import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate } from "../../src/store/migrate.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { pause } from "../../src/store/transient.ts";
import { installTaskrun } from "../support/run-app.ts";
import { type CliResult, RunningCli, runCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { createTestDatabase } from "../support/test-database.ts";

/** What is looked for; the characters behind it are written differently in each notation. */
const canary = "kanarie7Zx9";
const apiKey = `${canary} "q" \\ /ü`;
const itemToken = `${canary}-item`;

/** Leaves its secrets wherever a handler can, then ends as it is told. */
const handler = `
  export async function leak(payload, ctx) {
    const { how, apiKey, items } = payload;
    ctx.log.info({ payload, apiKey }, "calls with " + apiKey);
    ctx.log.trace({ nested: { header: "Bearer " + items[0].token } }, "a trace");
    ctx.logger.warn("as graphile-worker's handlers do: " + JSON.stringify(payload));
    await ctx.progress(1, 2, "uses " + apiKey);
    const { header } = await ctx.step("call", () => ({ header: "Bearer " + apiKey, [apiKey]: 1 }), {
      compensate: () => { if (how === "undo") throw new Error("can't undo with " + apiKey); },
    });
    if (header !== "Bearer " + apiKey) throw new Error("the step came back as " + header);
    if (how === "fail" || how === "undo") {
      const cause = new Error("inner " + encodeURIComponent(apiKey));
      throw new PermanentError("401 for " + apiKey + " " + JSON.stringify({ apiKey }), { cause });
    }
    if (how === "retry" && ctx.attempt === 1) throw new Error("once more with " + items[0].token);
    if (how === "throw object") throw { apiKey, message: "object with " + apiKey };
    if (how === "cancel") return ctx.cancel("no use with " + apiKey);
    if (how === "snooze") return ctx.snooze("1h", "later with " + apiKey);
    if (how === "kill") {
      // Not before its heartbeat has told that it runs: the crash is charged to it then.
      const told = "select from taskrun.processes where $1 = any (running)";
      while ((await ctx.query(told, [ctx.jobId])).rowCount === 0) await new Promise(setImmediate);
      process.kill(process.pid, "SIGKILL");
    }
    if (how === "wait") await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
    return { echo: apiKey, list: [items], token: "${canary} of the output" };
  }
`;

const files = {
  "tasks/_leak.ts": `import { PermanentError } from "taskrun";${handler}`,
  "tasks/marked.ts": `
    import { defineTask, secret } from "taskrun";
    import { z } from "zod";
    import { leak } from "./_leak.ts";
    const grumpy = (v) => v.startsWith("${canary}");
    export default defineTask({
      payload: z.object({
        how: z.string(),
        apiKey: secret(z.string().refine(grumpy, { error: ({ input }) => "no key: " + input })),
        items: z.array(z.object({ token: secret(z.string()) })),
      }),
      output: z.object({ echo: z.string(), list: z.unknown(), token: secret(z.string()) }),
      retry: { baseDelay: 10, maxDelay: 50, maxAttempts: 2 },
      timeout: false,
      breaker: { failures: 1000 },
      handler: leak,
    });`,
  "tasks/redacted.ts": `
    import { defineTask } from "taskrun";
    import { leak } from "./_leak.ts";
    export default defineTask({
      redact: ["$.apiKey", "$.items[*].token", "$..token"],
      retry: { baseDelay: 10, maxDelay: 50, maxAttempts: 2 },
      timeout: false,
      handler: leak,
    });`,
};

const ways = ["succeed", "fail", "undo", "retry", "throw object", "cancel", "snooze"];

let database: ScratchDatabase;
let db: pg.Pool;
let project: TaskProject;
const surfaces = new Map<string, string>();

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.url, { schema: "graphile_worker" });
  db = new pg.Pool({ connectionString: database.url, max: 2 });
  project = await TaskProject.of(files);
  await installTaskrun(project);
});
afterAll(async () => {
  await db.end();
  await database.drop();
  await project[Symbol.asyncDispose]();
});

const env = () => ({ DATABASE_URL: database.url });
const payload = (how: string) => ({ how, apiKey, items: [{ token: itemToken }] });

async function add(task: string, how: string, options = {}): Promise<string> {
  const { rows } = await db.query("select taskrun.add_job($1, $2, $3) as id", [
    task,
    JSON.stringify(payload(how)),
    JSON.stringify({ metadata: { apiKey, note: "kept" }, max_attempts: 2, ...options }),
  ]);
  return rows[0].id;
}

async function until(condition: string, values: unknown[] = []): Promise<void> {
  for (;;) {
    const { rows } = await db.query(`select ${condition} as met`, values);
    if (rows[0].met) return;
    await pause(50, new AbortController().signal);
  }
}

async function run(name: string, args: readonly string[], input?: string): Promise<CliResult> {
  const options = { cwd: project.dir, env: env(), ...(input === undefined ? {} : { input }) };
  const result = await runCli(args, options);
  surfaces.set(`${name}: ${args.join(" ")}`.replaceAll(canary, "…"), result.stdout + result.stderr);
  return result;
}

const working = ["--log-level", "trace", "--log-payloads", "--heartbeat-interval", "400ms"];

function work(...more: string[]): RunningCli {
  return new RunningCli(["run", ...working, ...more], { cwd: project.dir, env: env() });
}

async function ended(name: string, cli: RunningCli): Promise<void> {
  const { stdout, stderr } = await cli.ended;
  surfaces.set(name, stdout + stderr);
}

/** Every table and view of ours, and of the queue all but the payload that a job needs. */
async function dump(name: string): Promise<void> {
  const { rows } = await db.query(
    `select format('%I.%I', schemaname, relname) as table from (
       select schemaname, tablename as relname from pg_tables
       union all select schemaname, viewname from pg_views) as t
     where schemaname = 'taskrun'`,
  );
  expect(rows.length).toBeGreaterThan(10);
  for (const { table } of rows) {
    // Of a job that waits: its handler gets this.
    const details = table === "taskrun.job_details" ? ["metadata"] : [];
    const { rows: all } = await db.query(
      `select (to_jsonb(t) - $1::text[])::text as row from ${table} t`,
      [details],
    );
    surfaces.set(`${name}: ${table}`, all.map(({ row }) => row).join("\n"));
  }
  const { rows: jobs } = await db.query(
    "select (to_jsonb(j) - 'payload')::text as row from graphile_worker._private_jobs j",
  );
  surfaces.set(`${name}: queue`, jobs.map(({ row }) => row).join("\n"));
}

function expectNoSecret(): void {
  const found = [...surfaces].filter(([, text]) => text.includes(canary));
  const shown = found.map(([name, text]) => {
    const at = text.indexOf(canary);
    return `${name}: …${text.slice(Math.max(0, at - 150), at + 60)}…`;
  });
  expect(shown).toEqual([]);
}

async function apiAnswers(url: string, ids: readonly string[]): Promise<void> {
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, init);
    surfaces.set(`HTTP ${init.method ?? "GET"} ${path}`, await response.text());
    return response.status;
  };
  const post = (body: unknown) => ({
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  for (const id of ids) {
    expect(await ask(`/tasks/${id}`)).toBe(200);
    await ask(`/tasks/${id}/explain`);
  }
  for (const path of ["/tasks?limit=500", "/tasks/stats", "/errors", "/catalog", "/processes"]) {
    expect(await ask(path)).toBe(200);
  }
  const wrong = { ...payload("succeed"), apiKey: `bad ${canary}` };
  expect(await ask("/tasks", post({ task_type: "marked", payload: wrong }))).toBe(422);
}

test("a secret goes every way and is found nowhere", { timeout: 480_000 }, async () => {
  const ids: string[] = [];
  // While nobody has published anything yet, and with a process that dies of one.
  const killer = [await add("marked", "kill", { max_attempts: 1 })];
  const dying = work("--concurrency", "1");
  await ended("log of the killed process", dying);
  // Waiting, cancelled while waiting, failed by a parent: ended by SQL alone.
  for (const task of ["marked", "redacted"]) {
    for (const how of ways) ids.push(await add(task, how));
    const unwanted = await add(task, "succeed", { delay: "1h" });
    await add(task, "succeed", { after: [unwanted], on_parent_failure: "fail" });
    ids.push(unwanted);
  }
  await using busy = work("--log-format", "json", "--http-port", "0");
  await busy.says("http://");
  await until("(select count(*) = 2 from taskrun.tasks)");
  await until("(select state = 'failed' from taskrun.jobs where id = $1)", [killer[0]]);
  for (const id of ids.filter((_, place) => place % 8 === 7)) {
    await db.query("select taskrun.cancel_job($1, 'not wanted')", [id]);
  }
  const running = [await add("marked", "wait"), await add("redacted", "wait")];
  await until("(select count(*) = 2 from taskrun.jobs where state = 'running')");
  await until("not exists (select from taskrun.jobs where state in ('pending', 'retrying'))");
  await run("while it runs", ["top", "--once"]);
  await run("CLI", ["cancel", ...running]);
  await until("not exists (select from taskrun.jobs where state = 'running')");
  const address = /http:\/\/127\.0\.0\.1:\d+/.exec(busy.stdout + busy.stderr)?.[0] ?? "";
  await apiAnswers(address, [...killer, ...ids, ...running]);
  await dump("at the end");
  // The API, above, tells of each job the same.
  for (const id of [ids[2], killer[0]]) await run("CLI", ["show", id ?? ""]);
  await run("CLI", ["explain", ids[6] ?? ""]);
  await run("CLI", ["jobs", "--limit", "200"]);
  await run("CLI", ["jobs", "--limit", "200", "--json"]);
  await run("CLI", ["errors"]);
  const json = JSON.stringify(payload("succeed"));
  const added = await run("CLI", ["add", "marked", json, "--wait", "--json"]);
  expect(added.code).toBe(0);
  expect(added.stdout).toContain("[secret]");
  const failed = await run("CLI", ["add", "redacted", JSON.stringify(payload("fail")), "--wait"]);
  expect(failed.stdout + failed.stderr).toContain("401 for [secret]");
  const wrong = JSON.stringify({ ...payload("succeed"), apiKey: `bad ${canary}` });
  const refused = await run("CLI", ["add", "marked", wrong]);
  expect(refused.stderr).toContain("$.apiKey: no key: [secret]");
  busy.kill("SIGINT");
  await ended("log of the working process", busy);

  // What the queue holds is checked by the code at hand, and in SQL by what it has published.
  await db.query("select graphile_worker.add_job('marked', $1)", [wrong]);
  await db.query("select graphile_worker.add_job('marked', $1)", [`{"apiKey":["${canary}"]}`]);
  const check = await run("CLI", ["check", "--queued"]);
  expect(check.stdout + check.stderr).toContain("no key: [secret]");
  const bad = JSON.stringify({ how: "x", apiKey: [canary], items: { token: canary } });
  const inSql = await db.query("select taskrun.add_job('marked', $1)", [bad]).catch((e) => e);
  expect(inSql.message).toContain("$.apiKey: expected a string");
  surfaces.set("SQL error", JSON.stringify({ ...inSql, message: inSql.message }));

  // Pretty lines, and the payloads that no schema takes.
  const pretty = work("--log-format", "pretty", "--once");
  await ended("pretty log", pretty);
  await dump("after bad payloads");
  expectNoSecret();
  expect(surfaces.get("log of the working process")).toContain("calls with [secret]");
});

test("a watching process shows no secret", { timeout: 240_000 }, async () => {
  surfaces.clear();
  const id = await add("marked", "fail");
  const args = ["--watch", ...working, "--log-format", "json"];
  await using watching = new RunningCli(args, { cwd: project.dir, env: env() });
  await until("(select state = 'failed' from taskrun.jobs where id = $1)", [id]);
  await watching.says("failed for good");
  watching.kill("SIGINT");
  await ended("watch mode", watching);
  expectNoSecret();
});

test("a job of which only the record is left is not run without its secrets", async () => {
  const id = await add("marked", "succeed", { delay: "1h" });
  await db.query("select taskrun.cancel_job($1)", [id]);
  const retried = await runCli(["retry", id], { cwd: project.dir, env: env() });
  expect(retried.code).not.toBe(0);
  expect(retried.stderr).toContain("its secrets were not kept");
  expect(retried.stderr).toContain("Add it again with its whole payload");
  const { rows } = await db.query("select state from taskrun.jobs where id = $1", [id]);
  expect(rows).toEqual([{ state: "cancelled" }]);
});

test("a failed job is retried with its secrets: the queue still has them", async () => {
  const id = await add("marked", "fail");
  const once = ["run", "--once", "--log-level", "silent"];
  await runCli(once, { cwd: project.dir, env: env() });
  await db.query("select taskrun.retry_job($1)", [id]);
  const { rows: queued } = await db.query(
    "select payload ->> 'apiKey' as key from graphile_worker._private_jobs where id = $1",
    [id],
  );
  expect(queued).toEqual([{ key: apiKey }]);
  await runCli(once, { cwd: project.dir, env: env() });
  const { rows } = await db.query(
    "select state, error, payload ->> 'apiKey' as key from taskrun.jobs where id = $1",
    [id],
  );
  expect(rows[0]).toMatchObject({ state: "failed", key: "[secret]" });
  expect(rows[0].error).toMatch(/^401 for \[secret\]/);
});
