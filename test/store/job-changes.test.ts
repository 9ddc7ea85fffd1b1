import { afterEach, beforeEach, expect, test } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import { JobChanges } from "../../src/store/job-changes.ts";
import type { JobFilter } from "../../src/store/job-filter.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import {
  addBySql,
  addManyBySql,
  type Signal,
  signal,
  testRuntime,
} from "../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let kit: TestRuntime;
let started: Signal<string>;
let release: Signal;

beforeEach(async () => {
  started = signal<string>();
  release = signal();
  kit = await testRuntime({
    hold: async (_: unknown, ctx: TaskContext) => {
      started.resolve(ctx.jobId);
      await release.promise;
    },
    good: async () => 1,
    flaky: {
      retry: { strategy: "fixed", baseDelay: "1h" },
      handler: () => Promise.reject(new Error("no")),
    },
  });
});

afterEach(() => kit.stop());

async function follow(filter: JobFilter = {}) {
  const changes = new JobChanges(kit.db, schemas, { filter });
  await changes.start();
  return async () =>
    (await changes.changes()).map(({ job, before }) => [job.id, before, job.state]);
}

test("new jobs and each change of their state are told once", async () => {
  await addBySql(kit, "good", {}, "run_at => now() + interval '1 h'");
  const look = await follow();
  expect(await look()).toEqual([]);
  const id = await addBySql(kit, "hold");
  const later = await addBySql(kit, "good", {}, "run_at => now() + interval '1 h'");
  expect(await look()).toEqual([
    [id, null, "pending"],
    [later, null, "scheduled"],
  ]);
  expect(await look()).toEqual([]);
  const runtime = kit.createRuntime();
  await runtime.start();
  await started.promise;
  expect(await look()).toEqual([[id, "pending", "running"]]);
  release.resolve();
  await runtime.stop();
  expect(await look()).toEqual([[id, "running", "completed"]]);
  expect(await look()).toEqual([]);
});

test("of jobs that were there before, retries and ends are told", async () => {
  const flaky = await addBySql(kit, "flaky");
  const good = await addBySql(kit, "good");
  await addManyBySql(kit, "none", 1000);
  const look = await follow();
  await kit.drain();
  expect(await look()).toEqual(
    expect.arrayContaining([
      [flaky, null, "retrying"],
      [good, null, "completed"],
    ]),
  );
  await kit.db.query("update graphile_worker._private_jobs set run_at = now() where id = $1", [
    flaky,
  ]);
  await kit.drain();
  expect(await look()).toEqual([[flaky, "retrying", "retrying"]]);
});

test("only what the filter matches is told", async () => {
  const look = await follow({ task: "good", state: "completed" });
  await addBySql(kit, "good");
  await addBySql(kit, "flaky");
  expect(await look()).toEqual([]);
  await kit.drain();
  expect(await look()).toMatchObject([["1", "pending", "completed"]]);
});

test("a job of a transaction that commits late is told although higher ids were told", async () => {
  // Else the other would wait for this transaction to make the task known.
  const known = await addBySql(kit, "good");
  const look = await follow();
  expect(await look()).toEqual([]);
  expect(known).toBe("1");
  const client = await kit.db.connect();
  await client.query("begin");
  const { rows } = await client.query("select id from graphile_worker.add_job('good')");
  const higher = await addBySql(kit, "good");
  expect(await look()).toEqual([[higher, null, "pending"]]);
  await client.query("commit");
  client.release();
  expect(await look()).toEqual([[rows[0].id, null, "pending"]]);
});

test("more new jobs than one look takes are all told in the next ones", async () => {
  const look = await follow();
  await addManyBySql(kit, "good", 5000);
  const told = new Set<unknown>();
  for (;;) {
    const changes = await look();
    if (changes.length === 0) break;
    for (const [id] of changes) told.add(id);
  }
  expect(told.size).toBe(5000);
});

test("who only watches is told of a flood that there was more, and then of what happens now", async () => {
  const changes = new JobChanges(kit.db, schemas, { isBrief: true });
  await changes.start();
  await addManyBySql(kit, "good", 3_000);
  expect((await changes.changes()).length).toBeLessThan(800);
  expect(changes.hasMissed).toBe(true);
  await kit.drain();
  expect((await changes.changes()).length).toBeLessThan(1_000);
  expect(changes.hasMissed).toBe(true);
  const id = await addBySql(kit, "good");
  const told = await changes.changes();
  expect(told.map(({ job }) => job.id)).toContain(id);
  expect(Object.keys(told[0]!.job)).not.toContain("payload");
});
