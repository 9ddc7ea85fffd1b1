/** Handlers in threads of their own: with the whole context, and ended whatever they do. */

import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { Runtime } from "../../../src/runtime/runtime.ts";
import { createTestRuntime, type TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { TaskProject } from "../../support/task-project.ts";

const door = resolve(import.meta.dirname, "../../../src/index.ts");

const task = (body: string, options = "") => `
  import { isMainThread, threadId } from "node:worker_threads";
  import { err, ok, PermanentError, RateLimitedError } from ${JSON.stringify(door)};
  class OwnError extends Error { name = "OwnError"; code = "E_OWN"; }
  enum Kind { Plain = "plain" } // needs more than type stripping
  export default { isolate: "thread", ${options} async handler(payload: any, ctx: any) {
    if (isMainThread) throw new PermanentError("it runs in the main thread");
    ${body}
  } };`;

const files = {
  where: task("return { thread: threadId > 0, kind: Kind.Plain, pid: process.pid };"),
  context: task(
    `ctx.log.info({ of: payload.name, err: new OwnError("in a line") }, "a line");
     ctx.log.child({ part: 2 }).warn("of a child");
     await ctx.progress(1, 2, "half");
     const { rows } = await ctx.query("select 40 + $1::int as n", [2]);
     const backend = await ctx.withPgClient(async (client: any) => {
       await client.query("begin");
       const { rows } = await client.query("select pg_backend_pid() as pid");
       await client.query("commit");
       return rows[0].pid;
     });
     const { id } = await ctx.enqueue("child", { from: ctx.jobId });
     return { n: rows[0].n, backend: typeof backend, child: id, attempt: ctx.attempt,
       metadata: ctx.metadata, created: ctx.createdAt instanceof Date, key: ctx.job.key };`,
  ),
  child: `export default { isolate: false, handler: async (payload: any, ctx: any) => ({ parent: ctx.parentId }) };`,
  permanent: task('throw new PermanentError("never", { cause: new OwnError("why") });'),
  limited: task('throw new RateLimitedError("7m");'),
  own: task('throw new OwnError("mine");', "retry: { maxAttempts: 1 },"),
  odd: task('throw "just text";', "retry: { maxAttempts: 1 },"),
  result: task('return payload.ok ? ok({ fine: 1n }) : err(new PermanentError("an err"));'),
  snooze: task('return ctx.snooze("5m", "later");'),
  cancel: task('return ctx.cancel("no need");'),
  waits: task(
    `const [end] = await ctx.waitFor([payload.id]);
     return end.output;`,
  ),
  steps: task(
    `const out: string[] = [];
     const { rows } = { rows: [] };
     const step = (name: string) => ctx.step(name, async () => {
       await ctx.query("insert into effects values ($1, $2)", [ctx.jobId, name]);
       return { name, at: threadId };
     }, { compensate: async (result: any) => {
       await ctx.query("insert into effects values ($1, $2)", [ctx.jobId, "undo " + result.name]);
     } });
     const one = await step("one");
     await step("two");
     const once = await ctx.once("key of " + ctx.jobId, async () => ({ value: 7 }));
     if (payload.end === "kill") while (true);
     if (payload.end === "fail") throw new PermanentError("undo all");
     try { await ctx.step("three", () => { throw new OwnError("caught here"); }); }
     catch (error) { return { one: one.name, once, same: error instanceof OwnError }; }`,
  ),
  secretStep: task(
    `const key = await ctx.step("make key", () => "s3cret key", { secret: true });
     return { key, ...await ctx.step("use it", () => ({ used: true })) };`,
  ),
  leaves: task(
    `if (payload.first) {
       // why: an object of the thread, which the next attempt in it finds
       (globalThis as any).left = {
         step: () => ctx.step("one", () => "of the first"),
         once: () => ctx.once("one of the first", () => "of the first"),
       };
       return null;
     }
     const left = (globalThis as any).left;
     const said = (call: () => Promise<unknown>) => call().catch((error) => error.message);
     const before = await ctx.step("before", () => "of the second");
     const late = [await said(left.step), await said(left.once)];
     return { before, late, one: await ctx.step("one", () => "of the second too") };`,
  ),
  completes: task(
    `await ctx.withPgClient(async (client: any) => {
       await client.query("begin");
       await client.query("insert into effects values ($1, 'mine')", [ctx.jobId]);
       await ctx.complete(client, { done: 1n });
       await client.query(payload.end);
     });`,
    "retry: { maxAttempts: 1 },",
  ),
  blocks: task("while (true);", 'timeout: "1s", retry: { maxAttempts: 1 },'),
  ignores: task("await new Promise(() => {});", 'timeout: "500ms", retry: { maxAttempts: 1 },'),
  hears: task(
    `await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
     throw new OwnError("heard " + ctx.signal.reason.name);`,
    'timeout: "500ms", retry: { maxAttempts: 1 },',
  ),
  eats: task(
    "const all = []; for (;;) all.push(new Array(10_000).fill({}).map(() => ({})));",
    'retry: { maxAttempts: 1 }, timeout: "2m",',
  ).replace('isolate: "thread"', 'isolate: { kind: "thread", memory: "64MB" }'),
  exits: task("process.exit(3);", "retry: { maxAttempts: 1 },"),
  strays: task(
    `Promise.reject(new OwnError("left behind"));
     await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));`,
    "retry: { maxAttempts: 1 },",
  ),
  batch: task(
    `return payload.map(async (n: number) => {
       if (n === 2 && ctx.attempt === 1) throw new Error("not yet");
       return n * 10;
     });`,
    'retry: { strategy: "fixed", baseDelay: 0, maxAttempts: 3 },',
  ),
};

let project: TaskProject;
let runtime: TestRuntime;
let worker: Runtime;

beforeAll(async () => {
  project = await TaskProject.of(
    Object.fromEntries(Object.entries(files).map(([name, text]) => [`tasks/${name}.ts`, text])),
  );
  runtime = await createTestRuntime({
    tasks: project.path("tasks"),
    server: inject("adminDatabaseUrl"),
    owner: inject("ownerDatabaseUrl"),
    config: { timeoutGraceMs: 300, projectDir: project.dir, concurrency: 6 },
  });
  expect(runtime.catalog.failures).toEqual([]);
  await runtime.db.query("create table effects (job text, what text, at serial)");
  worker = runtime.createRuntime();
  await worker.start();
});

afterAll(async () => {
  await worker.stop();
  await runtime.stop();
  await project[Symbol.asyncDispose]();
});

type Row = NonNullable<Awaited<ReturnType<TestRuntime["job"]>>>;

/** The job once an attempt of it has been settled. */
async function run(name: string, payload: unknown = {}, options = {}): Promise<Row> {
  const settled = Promise.withResolvers<void>();
  let id: string | null = null;
  const seen = new Set<string>();
  const listener = ({ job }: { job: { id: string } }) => {
    seen.add(job.id);
    if (id !== null && seen.has(id)) settled.resolve();
  };
  worker.events.on("attempt:finished", listener);
  ({ id } = await runtime.enqueue(name, payload, options));
  if (seen.has(id)) settled.resolve();
  await settled.promise;
  worker.events.off("attempt:finished", listener);
  const row = await runtime.job(id);
  if (row === null) throw new Error("the job is gone");
  return row;
}

async function effects(id: string): Promise<string[]> {
  const { rows } = await runtime.db.query("select what from effects where job = $1 order by at", [
    id,
  ]);
  return rows.map(({ what }) => what);
}

describe("the whole context works across the thread", () => {
  test("it is another thread of the same process, and TypeScript of every kind", async () => {
    const { state, output } = await run("where");
    expect({ state, output }).toEqual({
      state: "completed",
      output: { thread: true, kind: "plain", pid: process.pid },
    });
  });

  test("log, progress, query, withPgClient, enqueue and the job's columns", async () => {
    const { id, output, state, error } = await run(
      "context",
      { name: "x" },
      { metadata: { a: 1 }, key: "k" },
    );
    expect({ state, error }).toEqual({ state: "completed", error: null });
    expect(output).toMatchObject({
      n: 42,
      backend: "number",
      attempt: 1,
      metadata: { a: 1 },
      created: true,
      key: "k",
    });
    // why: its handler returns it
    const { child } = output as { child: string };
    expect(await runtime.job(child)).toMatchObject({ parent_id: id });
    const lines = async () => {
      const text = "select level, message, fields from taskrun.logs where job_id = $1";
      const { rows } = await runtime.db.query(`${text} order by position`, [id]);
      return rows;
    };
    await expect.poll(lines).toMatchObject([
      { level: "info", message: "a line", fields: { of: "x", err: { message: "in a line" } } },
      { level: "warn", message: "of a child", fields: { part: 2 } },
    ]);
  });

  test.each([
    ["permanent", {}, { state: "failed", error: "never", attempts: 1 }],
    ["own", {}, { state: "failed", error: "mine" }],
    ["odd", {}, { state: "failed", error: "just text" }],
    ["limited", {}, { state: "retrying" }],
    ["result", { ok: true }, { state: "completed", output: { fine: "1n" } }],
    ["result", { ok: false }, { state: "failed", error: "an err" }],
    ["snooze", {}, { state: "scheduled" }],
    ["cancel", {}, { state: "cancelled" }],
  ])("%s %o ends as it would in the process", async (name, payload, expected) => {
    expect(await run(name, payload)).toMatchObject(expected);
  });

  test("what an error asks for is kept", async () => {
    const { run_at: runAt } = await run("limited");
    const inMinutes = (new Date(String(runAt)).getTime() - Date.now()) / 60_000;
    expect(inMinutes).toBeGreaterThan(6);
    const { id } = await run("permanent");
    const { rows } = await runtime.db.query(
      "select error_name, error_stack, rule from taskrun.attempts where job_id = $1",
      [id],
    );
    expect(rows).toMatchObject([{ error_name: "PermanentError", rule: "thrown-on-purpose" }]);
    expect(rows[0].error_stack).toMatch(/permanent\.ts:\d+[\s\S]*caused by: OwnError: why/);
  });

  test("ctx.waitFor blocks the job and gives the other's output", async () => {
    const { id } = await runtime.enqueue("where", {}, { delay: "1h" });
    const blocked = await run("waits", { id });
    expect(blocked.state).toBe("blocked");
    const now = "select graphile_worker.reschedule_jobs(array[$1::bigint], run_at := now())";
    await runtime.db.query(now, [id]);
    await expect.poll(async () => (await runtime.job(blocked.id))?.state).toBe("completed");
  });

  test("steps and once: errors thrown in a step are the handler's own objects", async () => {
    const { id, state, output, error } = await run("steps", {});
    expect({ state, output, error }).toEqual({
      state: "completed",
      output: { one: "one", once: { value: 7 }, same: true },
      error: null,
    });
    expect(await effects(id)).toEqual(["one", "two"]);
  });

  test("a step that is a secret of its own is kept as one", async () => {
    const { id, output } = await run("secretStep");
    expect(output).toEqual({ key: "s3cret key", used: true });
    const { rows } = await runtime.db.query(
      "select name, secret, result from taskrun.steps where job_id = $1 order by position",
      [id],
    );
    expect(rows).toEqual([
      { name: "make key", secret: true, result: "[secret]" },
      { name: "use it", secret: false, result: { used: true } },
    ]);
  });

  test("what an attempt has left behind does nothing in the name of the next", async () => {
    expect(await run("leaves", { first: true })).toMatchObject({ state: "completed" });
    const over = "the attempt is over";
    expect(await run("leaves", {})).toMatchObject({
      state: "completed",
      output: { before: "of the second", late: [over, over], one: "of the second too" },
    });
  });

  test("ctx.complete ends the job in the handler's transaction, if that is committed", async () => {
    const done = await run("completes", { end: "commit" });
    expect(done).toMatchObject({ state: "completed", output: { done: "1n" } });
    const undone = await run("completes", { end: "rollback" });
    expect(undone).toMatchObject({ state: "failed", error: expect.stringContaining("committed") });
    expect([await effects(done.id), await effects(undone.id)]).toEqual([["mine"], []]);
  });

  test("steps are undone in reverse when the job fails", async () => {
    const { id, state, error } = await run("steps", { end: "fail" });
    expect({ state, error }).toEqual({ state: "failed", error: "undo all" });
    expect(await effects(id)).toEqual(["one", "two", "undo two", "undo one"]);
  });

  test("also when its thread was ended in between", async () => {
    // Long enough for the steps that come before on a slow machine, too.
    const { id } = await run("steps", { end: "kill" }, { maxAttempts: 1, timeout: "10s" });
    await expect.poll(async () => (await runtime.job(id))?.state).toBe("failed");
    expect(await effects(id)).toEqual(["one", "two", "undo two", "undo one"]);
  });

  test("of a batch only what failed is run again", async () => {
    const first = await run("batch", [1, 2, 3]);
    await expect.poll(async () => (await runtime.job(first.id))?.state).toBe("completed");
    expect(await runtime.job(first.id)).toMatchObject({ payload: [2], output: [20], attempts: 2 });
  });
});

describe("whatever it does, only its own attempt ends", () => {
  test.each([
    ["blocks", "timed out after 1s"],
    ["ignores", "timed out after 500ms"],
    ["hears", "timed out after 500ms"],
    ["eats", "the handler used more memory than its 64 MB"],
    ["exits", "process.exit(3) was called in its handler's thread"],
    ["strays", "left behind"],
  ])("%s", async (name, error) => {
    const bystander = run("where");
    expect(await run(name)).toMatchObject({
      state: "failed",
      attempts: 1,
      error: expect.stringContaining(error),
    });
    expect(await bystander).toMatchObject({ state: "completed" });
  });

  test("memory again and again, and the process goes on", async () => {
    for (let times = 0; times < 8; times += 1) {
      expect(await run("eats")).toMatchObject({ state: "failed", attempts: 1 });
    }
    expect(await run("where")).toMatchObject({ state: "completed" });
  });

  test("a stop gives the job of a handler that blocks back, uncounted", async () => {
    const other = runtime.createRuntime({ shutdownGraceMs: 100, shutdownDeadlineMs: 100 });
    await worker.pause();
    const { id } = await runtime.enqueue("blocks", {}, { timeout: false });
    await other.start();
    await expect.poll(() => other.running).toBe(1);
    const startedMs = performance.now();
    await other.stop();
    // It has no timeout.
    expect(performance.now() - startedMs).toBeLessThan(30_000);
    expect(await runtime.job(id)).toMatchObject({ state: "pending", attempts: 0 });
    await runtime.db.query("select taskrun.cancel_jobs(array[$1::bigint])", [id]).catch(() => {});
    worker.resume();
  });
});
