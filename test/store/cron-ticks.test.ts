import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type CronTick,
  forgetOldTicks,
  lastTicks,
  listCronLines,
  noteCronJob,
  noteItems,
  pauseCronLine,
  queueTicks,
  resumeCronLine,
} from "../../src/store/cron-ticks.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let kit: TestRuntime;

beforeAll(async () => {
  kit = await testRuntime({});
});
beforeEach(async () => {
  await kit.db.query("truncate taskrun.cron_items, taskrun.cron_ticks, taskrun.cron_pauses");
  await kit.db.query("delete from graphile_worker._private_jobs");
});
afterAll(async () => {
  await kit.stop();
});

function tickOf(identifier: string, moment: string, more: Partial<CronTick> = {}): CronTick {
  const tick = new Date(moment);
  return { identifier, tick, task: "t", payload: { a: 1 }, options: { run_at: tick }, ...more };
}

async function countJobs(): Promise<number> {
  const { rows } = await kit.db.query("select count(*)::int as jobs from taskrun.jobs");
  return rows[0].jobs;
}

test("a tick is queued by the first who asks, and says which job it is", async () => {
  const ticks = [tickOf("a", "2026-01-01T00:01Z"), tickOf("a", "2026-01-01T00:00Z")];
  const queued = await queueTicks(kit.db, schemas, ticks);
  expect(queued.map(({ tick }) => tick.toISOString())).toEqual([
    "2026-01-01T00:00:00.000Z",
    "2026-01-01T00:01:00.000Z",
  ]);
  expect(await kit.job(queued[0]!.jobId)).toMatchObject({ task: "t", payload: { a: 1 } });
  expect(await queueTicks(kit.db, schemas, ticks)).toEqual([]);
  expect(await countJobs()).toBe(2);
});

test("many who ask at the same time queue each tick once, and none waits for ever", async () => {
  const ticks = Array.from({ length: 20 }, (_, minute) =>
    tickOf(`line${minute % 3}`, `2026-01-01T00:${10 + minute}Z`),
  );
  const asked = await Promise.all(
    Array.from({ length: 8 }, (_, at) =>
      queueTicks(kit.db, schemas, at % 2 === 0 ? ticks : ticks.toReversed()),
    ),
  );
  expect(asked.flat()).toHaveLength(20);
  expect(await countJobs()).toBe(20);
});

test("when one job is refused none is queued, and no tick counts as done", async () => {
  const bad = tickOf("b", "2026-01-01T00:00Z", { options: { priority: 99_999 } });
  const ticks = [tickOf("a", "2026-01-01T00:00Z"), bad];
  await expect(queueTicks(kit.db, schemas, ticks)).rejects.toMatchObject({ code: "22023" });
  expect(await countJobs()).toBe(0);
  expect(await lastTicks(kit.db, schemas)).toEqual(new Map());
});

test("the last tick of a line is its latest, whatever the order they came in", async () => {
  await queueTicks(kit.db, schemas, [tickOf("a", "2026-01-01T00:05Z")]);
  await queueTicks(kit.db, schemas, [tickOf("a", "2026-01-01T00:03Z")]);
  expect(await lastTicks(kit.db, schemas)).toEqual(new Map([["a", new Date("2026-01-01T00:05Z")]]));
});

test("a line is known from the moment it was noted first, then from its last tick", async () => {
  const noted = new Date("2026-01-01T00:00Z");
  expect(await noteItems(kit.db, schemas, ["a", "b"], noted)).toEqual(new Map());
  await queueTicks(kit.db, schemas, [tickOf("b", "2026-01-01T00:30Z")]);
  expect(await noteItems(kit.db, schemas, ["a", "b", "c"], new Date())).toEqual(
    new Map([
      ["a", noted],
      ["b", new Date("2026-01-01T00:30Z")],
    ]),
  );
});

test("ticks are forgotten after a week by both clocks, the last one of a line never", async () => {
  const old = "2026-01-01T00:00:00Z";
  await queueTicks(kit.db, schemas, [tickOf("a", old)]);
  await forgetOldTicks(kit.db, schemas, new Date("2026-01-07T00:00Z"));
  expect(await queueTicks(kit.db, schemas, [tickOf("a", old)])).toEqual([]);
  await forgetOldTicks(kit.db, schemas, new Date("2026-01-08T00:01Z"));
  const { rows } = await kit.db.query("select from taskrun.cron_ticks");
  expect(rows).toEqual([]);
  expect((await lastTicks(kit.db, schemas)).get("a")).toEqual(new Date(old));
});

test("a paused line has ticks and no jobs, and what was due meanwhile stays undone", async () => {
  const by = { identifier: "a", by: "ops", reason: null };
  await pauseCronLine(kit.db, schemas, by);
  await pauseCronLine(kit.db, schemas, { ...by, by: "somebody else" });
  const both = (minute: string) => [
    tickOf("a", `2026-01-01T00:${minute}Z`),
    tickOf("b", `2026-01-01T00:${minute}Z`),
  ];
  const queued = await queueTicks(kit.db, schemas, both("00"));
  expect(queued.map(({ identifier }) => identifier)).toEqual(["b"]);
  expect(await listCronLines(kit.db, schemas)).toEqual(
    expect.arrayContaining([
      { identifier: "a", last_job_id: null, paused: true, paused_by: "ops" },
      { identifier: "b", last_job_id: queued[0]!.jobId, paused: false, paused_by: null },
    ]),
  );
  expect(await resumeCronLine(kit.db, schemas, "a")).toBe(true);
  expect(await resumeCronLine(kit.db, schemas, "a")).toBe(false);
  expect(await queueTicks(kit.db, schemas, both("00"))).toEqual([]);
  expect(await queueTicks(kit.db, schemas, both("01"))).toHaveLength(2);
  expect(await lastTicks(kit.db, schemas)).toEqual(
    new Map([
      ["a", new Date("2026-01-01T00:01Z")],
      ["b", new Date("2026-01-01T00:01Z")],
    ]),
  );
});

test("a job queued by hand is the line's last one until the next tick", async () => {
  await noteCronJob(kit.db, schemas, "a", "7");
  expect(await listCronLines(kit.db, schemas)).toMatchObject([{ last_job_id: "7" }]);
  const [queued] = await queueTicks(kit.db, schemas, [tickOf("a", "2026-01-01T00:00Z")]);
  expect(await listCronLines(kit.db, schemas)).toMatchObject([{ last_job_id: queued!.jobId }]);
});
