import type { JobHelpers } from "graphile-worker";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GraphileAddJobOptions, TaskContext } from "../../../src/core/context.ts";
import { startAttempt } from "../../support/start-attempt.ts";
import { createTestDatabase } from "../../support/test-database.ts";
import { testRuntime } from "../../support/test-runtime.ts";

type Handler = (payload: unknown, ctx: TaskContext) => unknown;

interface Enqueued {
  task: string;
  payload: unknown;
  options: object;
}

function start(handler: unknown, job: object = {}, services: object = {}) {
  const enqueued: Enqueued[] = [];
  const enqueue = async (task: string, payload: unknown, options: object) => {
    enqueued.push({ task, payload, options });
    return { id: String(100 + enqueued.length) };
  };
  return { ...startAttempt(handler, { job, services: { enqueue, ...services } }), enqueued };
}

test("a context tells all that is known of the job", async () => {
  const job = {
    attempt: 2,
    lastError: "before",
    key: "k",
    queue: "q",
    priority: 5,
    correlationId: "c",
    createdBy: "ann",
    parentId: "16",
    metadata: { a: 1 },
  };
  let seen: object = {};
  const handler: Handler = (_, ctx) => {
    const { jobId, task, payload, maxAttempts, createdAt, runAt } = ctx;
    seen = { jobId, task, payload, maxAttempts, createdAt, runAt };
    for (const name of Object.keys(job)) Object.assign(seen, { [name]: ctx[name as "key"] });
  };
  await start(handler, job).outcome;
  expect(seen).toEqual({
    jobId: "17",
    task: "example",
    payload: { to: "a@b.co" },
    maxAttempts: 3,
    createdAt: new Date("2026-01-01T00:00:00Z"),
    runAt: new Date("2026-01-01T00:01:00Z"),
    ...job,
  });
});

test("a job queued under an alias still shows the task's name", async () => {
  const handler: Handler = (_, ctx) => [ctx.task, ctx.job.task_identifier];
  const { outcome } = start(handler, { task: "mail:send" });
  expect(await outcome).toMatchObject({ outputJson: '["example","mail:send"]' });
});

describe("enqueue", () => {
  test("passes on the correlation id and names this job as the parent", async () => {
    const handler: Handler = (_, ctx) => ctx.enqueue("next", { a: 1 }, { delay: "5m" });
    const { outcome, enqueued } = start(handler, { correlationId: "c" });
    expect(await outcome).toMatchObject({ outputJson: '{"id":"101"}' });
    const options = { parentId: "17", correlationId: "c", delay: "5m" };
    expect(enqueued).toEqual([{ task: "next", payload: { a: 1 }, options }]);
  });

  test("lets options say otherwise", async () => {
    const handler: Handler = (_, ctx) => ctx.enqueue("next", {}, { correlationId: "own" });
    const { outcome, enqueued } = start(handler, { correlationId: "c" });
    await outcome;
    expect(enqueued[0]?.options).toEqual({ parentId: "17", correlationId: "own" });
  });

  test("without a payload queues an empty object", async () => {
    const { outcome, enqueued } = start(((_, ctx) => ctx.enqueue("next")) satisfies Handler);
    await outcome;
    expect(enqueued[0]?.payload).toEqual({});
  });
});

describe("graphile-worker's handlers", () => {
  test("find every helper they know, of the kind they know", async () => {
    const kinds: Record<keyof JobHelpers, string> = {
      abortPromise: "object",
      abortSignal: "object",
      addJob: "function",
      addJobs: "function",
      getQueueName: "function",
      job: "object",
      logger: "object",
      query: "function",
      withPgClient: "function",
    };
    let found: object = {};
    await start(((_, ctx) => {
      const names = Object.keys(kinds) as (keyof JobHelpers)[];
      found = Object.fromEntries(names.map((name) => [name, typeof ctx[name]]));
    }) satisfies Handler).outcome;
    expect(found).toEqual(kinds);
  });

  test("may take their helpers apart", async () => {
    const handler: Handler = async (_, { addJob, logger, getQueueName, progress }) => {
      logger.info("taken apart");
      await progress(1);
      await addJob("next");
      return getQueueName();
    };
    const { outcome, enqueued, lines } = start(handler, { queue: "serial" });
    expect(await outcome).toEqual({ state: "completed", outputJson: '"serial"' });
    expect(enqueued).toHaveLength(1);
    expect(lines).toContainEqual(expect.objectContaining({ jobId: "17", msg: "taken apart" }));
  });

  test("may spread their helpers", async () => {
    const handler: Handler = async (_, helpers) => {
      const own = { ...helpers, query: "mine" };
      await own.addJob("next");
      return [own.query, own.job.id, own.jobId, Object.keys(helpers).includes("running")];
    };
    const { outcome, enqueued } = start(handler);
    expect(await outcome).toMatchObject({ outputJson: '["mine","17","17",false]' });
    expect(enqueued).toHaveLength(1);
  });

  test("read a job's columns under their names", async () => {
    const handler: Handler = (_, { job }) => [
      job.id,
      job.task_identifier,
      job.payload,
      job.attempts,
      job.max_attempts,
      job.last_error,
      job.queue_name,
      job.run_at,
    ];
    const { outcome } = start(handler, { attempt: 2, lastError: "x", queue: "q" });
    const row = ["17", "example", { to: "a@b.co" }, 2, 3, "x", "q", "2026-01-01T00:01:00.000Z"];
    expect(await outcome).toMatchObject({ outputJson: JSON.stringify(row) });
  });

  test("add jobs with their option names, null for what is not given", async () => {
    const spec: GraphileAddJobOptions = {
      jobKey: "k",
      jobKeyMode: "unsafe_dedupe",
      queueName: "q",
      flags: ["f"],
    } as const;
    const handler: Handler = (_, { addJob }) =>
      addJob("next", null, { ...spec, maxAttempts: null as never });
    const { outcome, enqueued } = start(handler);
    await outcome;
    const options = {
      parentId: "17",
      key: "k",
      keyMode: "unsafe_dedupe",
      queue: "q",
      flags: ["f"],
    };
    expect(enqueued).toEqual([{ task: "next", payload: {}, options }]);
  });

  test("add several jobs at once, their order kept", async () => {
    const handler: Handler = async (_, { addJobs }) =>
      addJobs([{ identifier: "a", payload: 1, jobKey: "k" }, { identifier: "b" }], true);
    const { outcome, enqueued } = start(handler);
    expect(await outcome).toMatchObject({ outputJson: '[{"id":"101"},{"id":"102"}]' });
    const keyMode = "preserve_run_at";
    expect(enqueued).toMatchObject([
      { task: "a", payload: 1, options: { key: "k", keyMode } },
      { task: "b", payload: {} },
    ]);
  });

  test("can't ask for a queue by an id", async () => {
    const { outcome } = start(((_, ctx) => ctx.getQueueName(5)) satisfies Handler);
    expect(await outcome).toMatchObject({
      error: {
        message: expect.stringContaining("ctx.getQueueName(5) asks by an id. Read ctx.queue"),
      },
    });
  });
});

test("a middleware may put something of its own on the context", async () => {
  const middleware = (ctx: object, next: () => Promise<unknown>) => {
    Object.assign(ctx, { user: "ann" });
    return next();
  };
  const handler = (_: unknown, ctx: object) => Reflect.get({ ...ctx }, "user");
  const { outcome } = start({ middleware: [middleware], handler });
  expect(await outcome).toMatchObject({ outputJson: '"ann"' });
});

test("a context that is logged shows the attempt, not the process", async () => {
  const { outcome } = start(((_, ctx) => JSON.stringify(ctx)) satisfies Handler);
  const json = JSON.stringify({ jobId: "17", task: "example", attempt: 1 });
  expect(await outcome).toMatchObject({ outputJson: JSON.stringify(json) });
});

test("log and signal are the same at each asking", async () => {
  const handler: Handler = (_, ctx) => {
    const { log, logger, signal, job } = ctx;
    return [log === ctx.log, logger === ctx.logger, signal === ctx.abortSignal, job === ctx.job];
  };
  const { outcome } = start(handler);
  expect(await outcome).toMatchObject({ outputJson: "[true,true,true,true]" });
});

test("a snooze of nonsense is an error that says so", async () => {
  const { outcome } = start(((_, ctx) => ctx.snooze("a while")) satisfies Handler);
  expect(await outcome).toMatchObject({
    state: "retrying",
    error: { message: expect.stringContaining('"a while" is not a duration') },
  });
});

describe("with a database", () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let pool: Pool;
  beforeAll(async () => {
    database = await createTestDatabase();
    pool = new Pool({ connectionString: database.url });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  test("query runs a statement on the handlers' pool", async () => {
    const handler: Handler = async (_, { query }) =>
      (await query<{ sum: number }>("select $1::int + 1 as sum", [41])).rows[0]?.sum;
    expect(await start(handler, {}, { pool }).outcome).toMatchObject({ outputJson: "42" });
  });

  test("withPgClient lends one client for several statements", async () => {
    const handler: Handler = (_, { withPgClient }) =>
      withPgClient(async (client) => {
        await client.query("create temp table mine (n int) on commit drop");
        const pid = "select pg_backend_pid() as pid";
        const [a, b] = [await client.query(pid), await client.query(pid)];
        return a.rows[0].pid === b.rows[0].pid;
      });
    expect(await start(handler, {}, { pool }).outcome).toMatchObject({ outputJson: "true" });
  });
});

test("ctx.job of a job from the queue has every column, under both kinds of names", async () => {
  let seen: TaskContext["job"] | undefined;
  await using kit = await testRuntime({
    look: async (_payload: unknown, ctx: TaskContext) => {
      seen = { ...ctx.job };
    },
  });
  const options = { key: "k", queue: "line", correlationId: "c", metadata: { a: 1 } };
  const { id } = await kit.enqueue("look", { n: 1 }, options);
  await kit.drain();
  expect(seen).toMatchObject({ id, payload: { n: 1 }, attempt: 1, ...options, revision: 0 });
  expect(seen).toMatchObject({ task_identifier: "look", queue_name: "line", attempts: 1 });
  expect(seen?.createdAt).toBeInstanceOf(Date);
});
