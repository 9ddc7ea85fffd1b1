import { chmod } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { createClient, type TaskrunClient } from "../../src/client/create-client.ts";
import { resetEmbeddedPostgres, startEmbeddedPostgres } from "../../src/dev/embedded-postgres.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { migrate } from "../../src/store/migrate.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { installTaskrun, runApp } from "../support/run-app.ts";
import { TaskProject } from "../support/task-project.ts";
import { testRuntime } from "../support/test-runtime.ts";

const tasks = {
  double: {
    payload: z.object({ n: z.number() }),
    aliases: ["math:double"],
    priority: "high" as const,
    handler: async ({ n }: { n: number }) => ({ doubled: 2 * n }),
  },
  nothing: async () => {},
  fail: { retry: { maxAttempts: 1 }, handler: async () => Promise.reject(new Error("no luck")) },
  cancel: (_: unknown, ctx: { cancel(reason: string): unknown }) => ctx.cancel("not wanted"),
};

let runtime: TestRuntime;
let client: TaskrunClient;

beforeAll(async () => {
  runtime = await testRuntime(tasks);
  client = createClient({ connectionString: runtime.connectionString, tasks });
});

afterAll(async () => {
  await client.close();
  await runtime.stop();
});

async function connections(): Promise<{ state: string }[]> {
  const { rows } = await runtime.db.query(
    `select state from pg_stat_activity
     where application_name = 'taskrun client' and datname = current_database()`,
  );
  return rows;
}

async function jobCount(): Promise<number> {
  const { rows } = await runtime.db.query("select count(*)::int as count from taskrun.jobs");
  return rows[0].count;
}

test("a job has its payload, the task's policies and the caller's options", async () => {
  const { id } = await client.enqueue("math:double", { n: 1 }, { delay: "1h", createdBy: "ann" });
  expect(await runtime.job(id)).toMatchObject({
    task: "math:double",
    payload: { n: 1 },
    priority: -10,
    max_attempts: 3,
    state: "scheduled",
    created_by: "ann",
  });
});

test("a payload that breaks the schema is refused before it is queued, in one and in many", async () => {
  const before = await jobCount();
  await expect(client.enqueue("double", { n: "1" })).rejects.toMatchObject({ code: "bad-payload" });
  await expect(client.enqueue("math:double", {})).rejects.toThrow(/wrong at \$\.n/);
  const many = [{ task: "nothing" }, { task: "double", payload: { n: null } }];
  await expect(client.enqueueMany(many)).rejects.toThrow(/^jobs\[1\]: .* wrong at \$\.n/);
  expect(await jobCount()).toBe(before);
});

test("10,000 jobs go in one call, validated, and their ids are in order", async () => {
  const jobs = Array.from({ length: 10_000 }, (_, n) => ({ task: "double", payload: { n } }));
  const added = await client.enqueueMany(jobs);
  const { rows } = await runtime.db.query(
    `select (payload ->> 'n')::int as n from unnest($1::bigint[]) with ordinality as a (id, place)
     join taskrun.jobs using (id) order by place`,
    [added.map(({ id }) => id)],
  );
  expect(rows.map(({ n }) => n)).toEqual(jobs.map(({ payload }) => payload.n));
  const bad = jobs.with(9_999, { task: "double", payload: { n: Number.NaN } });
  await expect(client.enqueueMany(bad)).rejects.toThrow(/^jobs\[9999\]/);
  await runtime.db.query("delete from graphile_worker._private_jobs");
});

describe("connections", () => {
  test("a client that is not used has none, one that is has at most one idle", async () => {
    await using own = createClient({ connectionString: runtime.connectionString, tasks: false });
    await client.close();
    client = createClient({ connectionString: runtime.connectionString, tasks });
    await expect.poll(connections).toEqual([]);
    await own.enqueue("nothing");
    expect(await connections()).toEqual([{ state: "idle" }]);
    await Promise.all(Array.from({ length: 50 }, () => own.enqueue("nothing")));
    // The server notices the end of a connection a moment later.
    await expect.poll(connections).toEqual([{ state: "idle" }]);
    await own.close();
    await expect.poll(connections).toEqual([]);
    await runtime.drain();
  });

  test("a lost connection is replaced", async () => {
    await client.enqueue("nothing");
    await runtime.db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'taskrun client' and datname = current_database()`,
    );
    await expect.poll(connections).toEqual([]);
    // What the server has said at its end is read in this turn of the event loop at the latest.
    await nextTurn();
    await expect(client.enqueue("nothing")).resolves.toMatchObject({ id: expect.any(String) });
  });

  test("a pool that was passed in is used, and stays open", async () => {
    const pool = new pg.Pool({ connectionString: runtime.connectionString, max: 1 });
    const own = createClient({ pool, tasks: false, schema: "graphile_worker" });
    await own.enqueue("nothing");
    await own.close();
    expect(pool.totalCount).toBe(1);
    await pool.end();
  });

  test("a closed client refuses, and closes again without complaint", async () => {
    const own = createClient({ connectionString: runtime.connectionString, tasks: false });
    await own.close();
    await own.close();
    await expect(own.enqueue("nothing")).rejects.toMatchObject({ code: "client-closed" });
    await expect(own.wait("1")).rejects.toMatchObject({ code: "client-closed" });
  });

  test("what was asked before the close ends first, whatever it still waits for", async () => {
    const own = createClient({ connectionString: runtime.connectionString, tasks });
    const later = { delay: "1h" };
    const asked = [
      own.enqueue("nothing"),
      own.enqueue("double", { n: 1 }, later),
      own.enqueueMany([{ task: "nothing" }]),
      ...Array.from({ length: 50 }, () => own.enqueue("nothing")),
    ];
    const { id } = await client.enqueue("nothing", {}, later);
    const operated = [own.cancel(id), own.cancelMany({ ids: [id] })];
    const waited = own.wait(id).catch((error) => error);
    await own.close();
    // Nothing is left to be waited for: all of it has ended when the close has.
    expect(await Promise.race([Promise.all(asked), nextTurn("late")])).toHaveLength(asked.length);
    expect(await Promise.race([Promise.all(operated), nextTurn("late")])).toHaveLength(2);
    // Except for waiting, which may take as long as a job does.
    expect(await waited).toMatchObject({ code: expect.stringMatching(/client-closed|cancelled/) });
    await runtime.drain();
  });

  test("a database without taskrun's tables is named as such", async () => {
    await using own = createClient({
      connectionString: runtime.connectionString,
      schema: "elsewhere",
      tasks: false,
    });
    await expect(own.enqueue("nothing")).rejects.toMatchObject({ code: "not-migrated" });
    await expect(own.wait("1")).rejects.toMatchObject({ code: "not-migrated" });
  });
});

describe("wait", () => {
  let running: Runtime;

  beforeAll(() => {
    running = runtime.createRuntime({ pollIntervalMs: 100 });
    return running.start();
  });

  afterAll(() => running.stop());

  afterEach(() => running.resume());

  test("resolves with the output of a completed job, null where there is none", async () => {
    const double = await client.enqueue("double", { n: 21 });
    expect(await client.wait(double)).toEqual({ doubled: 42 });
    expect(await client.wait(double.id)).toEqual({ doubled: 42 });
    expect(await client.wait(await client.enqueue("nothing"))).toBeNull();
  });

  test("rejects for a failed job, with its state and its error", async () => {
    const { id } = await client.enqueue("fail");
    await expect(client.wait(id)).rejects.toMatchObject({
      name: "JobWaitError",
      code: "job-failed",
      jobId: id,
      task: "fail",
      state: "failed",
      jobError: "no luck",
      attempts: 1,
      message: expect.stringContaining("(fail) has failed: no luck"),
    });
  });

  test("rejects for a cancelled job, with the reason", async () => {
    await expect(client.wait(await client.enqueue("cancel"))).rejects.toMatchObject({
      code: "job-cancelled",
      state: "cancelled",
      jobError: "not wanted",
    });
  });

  test("rejects when the time is up, and leaves the job", async () => {
    await running.pause();
    const job = await client.enqueue("double", { n: 1 });
    await expect(client.wait(job, { timeout: "120ms" })).rejects.toMatchObject({
      code: "wait-timeout",
      state: "pending",
      message: expect.stringContaining(`Job ${job.id} is pending after 120ms`),
    });
    running.resume();
    expect(await client.wait(job, { timeout: "30s" })).toEqual({ doubled: 2 });
  });

  test("rejects for a job that isn't there, whatever its id looks like", async () => {
    for (const id of ["999999999", "x'; drop", ""]) {
      await expect(client.wait(id)).rejects.toMatchObject({ code: "job-not-found", state: null });
    }
  });

  test("ends with the reason of its signal", async () => {
    const job = await client.enqueue("double", { n: 1 }, { delay: "1h" });
    const stop = new AbortController();
    const waiting = client.wait(job, { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });
});

describe("with(tx)", () => {
  let db: pg.Client;

  beforeAll(async () => {
    db = new pg.Client({ connectionString: runtime.connectionString });
    await db.connect();
  });

  afterAll(() => db.end());

  test("jobs of a transaction that is rolled back are not there, committed ones are", async () => {
    await db.query("begin");
    const gone = await client.with(db).enqueue("double", { n: 1 });
    const many = await client.with(db).enqueueMany([{ task: "nothing" }, { task: "nothing" }]);
    expect(many).toHaveLength(2);
    expect(await runtime.job(gone.id)).toBeNull();
    await db.query("rollback");
    expect(await runtime.job(gone.id)).toBeNull();

    await db.query("begin");
    const kept = await client.with(db).enqueue("double", { n: 2 }, { metadata: { a: 1 } });
    await db.query("commit");
    expect(await runtime.job(kept.id)).toMatchObject({ payload: { n: 2 }, metadata: { a: 1 } });
  });

  test("a refused payload leaves the transaction usable", async () => {
    await db.query("begin");
    await expect(client.with(db).enqueue("double", { n: "x" })).rejects.toThrow(/wrong at/);
    const { id } = await client.with(db).enqueue("nothing");
    await db.query("commit");
    expect(await runtime.job(id)).toMatchObject({ task: "nothing" });
  });

  test("needs no connection of the client's own", async () => {
    await using own = createClient({ tasks: false, schema: "graphile_worker" });
    expect(await own.with(db).enqueue("nothing")).toEqual({ id: expect.stringMatching(/^\d+$/) });
  });
});

test("without a URL, the embedded Postgres that runs in the project is used", async () => {
  await using project = await TaskProject.of({
    "package.json": "{}",
    "app.ts": `
      import { createClient } from "taskrun/client";
      const client = createClient();
      const { id } = await client.enqueue("anything");
      const [error] = await Promise.allSettled([client.wait(id, { timeout: 1 })]);
      console.log(JSON.stringify(error.reason.state));`,
  });
  await chmod(project.dir, 0o755);
  await installTaskrun(project);
  const dataDir = project.path(".taskrun");
  const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
  try {
    await migrate(postgres.url, { schema: "graphile_worker" });
    // It ends by itself: the client's connection keeps no process alive.
    expect(await runApp(project, "app.ts")).toBe("pending");
  } finally {
    await postgres.stop();
    await resetEmbeddedPostgres(dataDir);
  }
});

describe("operations", () => {
  test("a waiting job is cancelled, retried and run now", async () => {
    const job = await client.enqueue("math:double", { n: 4 }, { delay: "1h" });
    expect(await client.cancel(job, { reason: "typo", requestedBy: "ann" })).toBe("cancelled");
    expect(await runtime.job(job.id)).toMatchObject({ error: "typo (cancelled by ann)" });
    await expect(client.wait(job)).rejects.toMatchObject({ code: "job-cancelled" });
    expect(await client.retry(job)).toEqual({ id: job.id });
    await runtime.drain();
    expect(await client.wait(job)).toEqual({ doubled: 8 });

    const later = await client.enqueue("nothing", {}, { delay: "1h" });
    expect(await client.runNow(later.id)).toBe("due");
    await runtime.drain();
    expect(await runtime.job(later.id)).toMatchObject({ state: "completed" });
  });

  test("many jobs are chosen by a filter", async () => {
    const options = { delay: "1h", correlationId: "many" };
    const ids = [
      (await client.enqueue("nothing", {}, options)).id,
      (await client.enqueue("nothing", {}, options)).id,
    ];
    const choice = { correlationId: "many" };
    const all = (state: string) => ids.map((id) => ({ id, state }));
    expect(await client.runManyNow(choice)).toEqual(all("due"));
    expect(await client.cancelMany(choice, { reason: "typo" })).toEqual(all("cancelled"));
    expect(await client.retryMany(choice)).toEqual([]);
    expect(await client.retryMany({ ...choice, state: "cancelled" })).toEqual(all("due"));
    expect(await client.cancelMany({ ids })).toEqual(all("cancelled"));
  });

  test("what can't be done is said with a code", async () => {
    await expect(client.cancel("999999")).rejects.toMatchObject({ code: "job-not-found" });
    await expect(client.runNow("nine")).rejects.toMatchObject({ code: "job-not-found" });
    const { id } = await client.enqueue("nothing", {}, { delay: "1h" });
    await expect(client.retry(id)).rejects.toMatchObject({ code: "wrong-job-state" });
    await expect(client.cancelMany({})).rejects.toMatchObject({ code: "bad-job-filter" });
    await client.cancel(id);
  });
});
