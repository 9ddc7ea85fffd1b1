import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  createEnqueuer,
  type Enqueuer,
  taskFinder,
} from "../../../src/runtime/enqueueing/enqueue.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../../support/test-runtime.ts";

let runtime: TestRuntime;
let enqueuer: Enqueuer;

beforeAll(async () => {
  runtime = await testRuntime({
    mail: {
      payload: z.object({ to: z.string() }),
      aliases: ["mail:send"],
      priority: "high",
      queue: (payload: { to: string }) => `to ${payload.to}`,
      retry: { maxAttempts: 5 },
      handler: async () => 1,
    },
    plain: async () => 1,
  });
  const findTask = taskFinder(runtime.catalog);
  enqueuer = createEnqueuer({ db: runtime.db, schemas: schemasFor("graphile_worker"), findTask });
});

afterAll(() => runtime.stop());

async function jobs(ids: readonly { id: string }[]) {
  const rows = await Promise.all(ids.map(({ id }) => runtime.job(id)));
  return rows.map((row) => {
    if (row === null) throw new Error("no such job");
    return row;
  });
}

async function jobCount(): Promise<number> {
  const { rows } = await runtime.db.query("select count(*)::int as count from taskrun.jobs");
  return rows[0].count;
}

test("what the task's file says holds for one job and for many alike", async () => {
  const one = await enqueuer.enqueue("mail", { to: "a" }, { metadata: { by: "one" } });
  const many = await enqueuer.enqueueMany([
    { task: "mail", payload: { to: "a" }, metadata: { by: "one" } },
    { task: "mail:send", payload: { to: "a" }, metadata: { by: "one" } },
  ]);
  const [first, ...others] = await jobs([one, ...many]);
  const { id: _, created_at: __, run_at: ___, ...expected } = first!;
  expect(expected).toMatchObject({ priority: -10, queue: "to a", max_attempts: 5 });
  expect(others).toMatchObject([expected, { ...expected, task: "mail:send" }]);
});

test("the serial queue is told from the parsed payload, and what was given is queued", async () => {
  await using kit = await testRuntime({
    greet: {
      payload: z.object({ to: z.string().default("all") }),
      queue: (payload: { to: string }) => `to ${payload.to}`,
      handler: async () => 1,
    },
  });
  const { id } = await kit.enqueue("greet", {});
  expect(await kit.job(id)).toMatchObject({ queue: "to all", payload: {} });
});

describe("add_jobs", () => {
  test("gives ids in the order of the list, of alike jobs too", async () => {
    const list = Array.from({ length: 500 }, (_, n) => ({
      task: ["plain", "mail", "other"][n % 3]!,
      payload: n % 3 === 1 ? { to: `${n % 7}` } : { n: n % 5 },
      correlationId: `c${n}`,
      ...(n % 11 === 0 ? { key: `k${n}` } : {}),
      ...(n % 22 === 0 ? { keyMode: "preserve_run_at" as const } : {}),
      ...(n % 13 === 0 ? { priority: "low" as const, delay: "1h" } : {}),
    }));
    const added = await jobs(await enqueuer.enqueueMany(list));
    expect(
      added.map(({ task, payload, correlation_id, key }) => ({
        task,
        payload,
        correlation_id,
        key,
      })),
    ).toEqual(
      list.map((job) => ({
        task: job.task,
        payload: job.payload,
        correlation_id: job.correlationId,
        key: "key" in job ? job.key : null,
      })),
    );
    expect(new Set(added.map(({ id }) => id)).size).toBe(500);
    expect(added.filter(({ state }) => state === "scheduled")).toHaveLength(
      list.filter((job) => "delay" in job).length,
    );
  });

  test("numbers jobs of one task in the order of the list, so that they run in it", async () => {
    const list = Array.from({ length: 2000 }, (_, n) => ({ task: "plain", payload: { n } }));
    const ids = (await enqueuer.enqueueMany(list)).map(({ id }) => Number(id));
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  });

  test("takes a key given twice as two adds, one after the other", async () => {
    const [first, second, third] = await jobs(
      await enqueuer.enqueueMany([
        { task: "plain", payload: { n: 1 }, key: "twice" },
        { task: "plain", payload: { n: 2 } },
        { task: "plain", payload: { n: 3 }, key: "twice" },
      ]),
    );
    expect([first?.id, first?.payload]).toEqual([third?.id, { n: 3 }]);
    expect(second?.payload).toEqual({ n: 2 });
  });

  test("replaces a waiting job, and dedupes in each key mode as add_job does", async () => {
    const before = await enqueuer.enqueueMany([
      { task: "plain", payload: { n: 1 }, key: "r", createdBy: "ann" },
      { task: "plain", payload: { n: 1 }, key: "p", delay: "1h" },
      { task: "plain", payload: { n: 1 }, key: "u" },
    ]);
    const after = await enqueuer.enqueueMany([
      { task: "plain", payload: { n: 2 }, key: "r" },
      { task: "plain", payload: { n: 2 }, key: "p", keyMode: "preserve_run_at" },
      { task: "plain", payload: { n: 2 }, key: "u", keyMode: "unsafe_dedupe" },
    ]);
    expect(after).toEqual(before);
    expect(await jobs(after)).toMatchObject([
      { payload: { n: 2 }, created_by: null, state: "pending" },
      { payload: { n: 2 }, state: "scheduled" },
      { payload: { n: 1 } },
    ]);
  });

  test("adds a new job beside a running one that has the key", async () => {
    const [running] = await enqueuer.enqueueMany([{ task: "plain", key: "busy" }]);
    await runtime.db.query(
      `update graphile_worker._private_jobs set locked_at = now(), locked_by = 'someone'
       where id = $1`,
      [running?.id],
    );
    const [next] = await enqueuer.enqueueMany([{ task: "plain", key: "busy" }]);
    expect(next?.id).not.toBe(running?.id);
    expect((await jobs([next!]))[0]).toMatchObject({ key: "busy", state: "pending" });
    await runtime.db.query("delete from graphile_worker._private_jobs where id = $1", [
      running?.id,
    ]);
  });

  test.each([
    [`{"task": "plain"}`, /jobs must be a JSON array, got object/],
    [`[{"task": "plain"}, {"payload": 1}]`, /job 2 of the list has no task/],
    [`[{"task": "plain", "options": {"prio": 1}}]`, /unknown option 'prio'/],
    [`[{"task": "plain", "options": {"priority": 99999}}]`, /priority 99999 is not/],
    [`[{"task": "plain"}, {"task": "plain", "options": [1]}]`, /must be a JSON object, got array/],
    [`[{"task": "plain", "options": {"run_at": "2030-01-01", "delay": 1}}]`, /not both/],
  ])("refuses %s as add_job would, and adds none of the list", async (list, message) => {
    const before = await jobCount();
    const call = runtime.db.query("select taskrun.add_jobs($1)", [list]);
    await expect(call).rejects.toThrow(message);
    expect(await jobCount()).toBe(before);
  });

  test("takes all that add_job takes", async () => {
    const list = [
      { task: "plain", options: { priority: "critical", delay: "1 hour", flags: ["f"] } },
      { task: "plain", payload: null, options: { key: null, max_attempts: 2 } },
      { task: "plain", payload: [1, { a: "\u00e9" }], options: null },
    ];
    const { rows } = await runtime.db.query("select taskrun.add_jobs($1)::text as id", [
      JSON.stringify(list),
    ]);
    expect(await jobs(rows)).toMatchObject([
      { priority: -100, state: "scheduled", payload: {} },
      { payload: null, max_attempts: 2 },
      { payload: [1, { a: "é" }], max_attempts: 25 },
    ]);
  });

  test("adds nothing for an empty list", async () => {
    expect(await enqueuer.enqueueMany([])).toEqual([]);
    const { rows } = await runtime.db.query("select taskrun.add_jobs('[]')");
    expect(rows).toEqual([]);
  });
});

test("a wrong payload in a list is refused with its place, before any is queued", async () => {
  const before = await jobCount();
  const call = enqueuer.enqueueMany([
    { task: "mail", payload: { to: "a" } },
    { task: "mail", payload: { to: 5 } },
  ]);
  await expect(call).rejects.toMatchObject({
    code: "bad-payload",
    message: expect.stringMatching(/^jobs\[1\]: The payload for mail is wrong at \$\.to: /),
  });
  expect(await jobCount()).toBe(before);
});

test("text that Postgres can't store is refused with the task's name", async () => {
  await expect(enqueuer.enqueue("plain", { a: "\0" })).rejects.toThrow(/NUL character/);
  await expect(enqueuer.enqueue("plain", 1n)).rejects.toThrow(/plain is not JSON/);
  expect((await jobs([await enqueuer.enqueue("plain", "\\u0000")]))[0]?.payload).toBe("\\u0000");
});

test("10,000 jobs go in one call within seconds, each with its own details", async () => {
  const list = Array.from({ length: 10_000 }, (_, n) => ({
    task: "mail",
    payload: { to: `${n % 100}` },
    correlationId: `bulk ${n}`,
  }));
  const started = performance.now();
  const ids = await enqueuer.enqueueMany(list);
  const tookMs = performance.now() - started;
  const { rows } = await runtime.db.query(
    `select correlation_id from unnest($1::bigint[]) with ordinality as given (id, place)
     join taskrun.job_details on job_id = id order by place`,
    [ids.map(({ id }) => id)],
  );
  expect(rows.map((row) => row.correlation_id)).toEqual(list.map((job) => job.correlationId));
  expect(tookMs).toBeLessThan(20_000);
});
