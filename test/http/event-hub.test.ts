/** Who watches is told of changes; how many may watch, for how long, and from where on. */

import { Pool } from "pg";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { EventHub, type Watcher } from "../../src/http/event-hub.ts";
import { pause } from "../../src/store/gates.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { signal, testRuntime } from "../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
const half = signal();
const end = signal();
let runtime: TestRuntime;
let hub: EventHub;

beforeAll(async () => {
  runtime = await testRuntime({
    quick: async () => 1,
    slow: async (_: unknown, ctx: { progress: (done: number, total: number) => void }) => {
      ctx.progress(1, 2);
      half.resolve();
      await end.promise;
    },
  });
});
afterEach(() => hub.stop());
afterAll(() => runtime.stop());

function newHub(more: object = {}): EventHub {
  const logger = pino({ level: "silent" });
  hub = new EventHub({ db: runtime.db, schemas, logger, intervalMs: 50, ...more });
  return hub;
}

const anybody: Watcher = {
  who: "a",
  id: null,
  taskType: null,
  lastEventId: null,
  isAllowed: async () => true,
};

/** All that it was told; fills as it goes. */
function told(watcher: Partial<Watcher> = {}) {
  const events: { id: string; name: string; data: Record<string, unknown> }[] = [];
  const seen = { events, text: "", stream: hub.watch({ ...anybody, ...watcher }) };
  seen.stream.body.on("data", (chunk) => {
    seen.text += chunk;
    for (const [, id = "", name = "", data = ""] of String(chunk).matchAll(
      /id: (.*)\nevent: (.*)\ndata: (.*)\n\n/g,
    )) {
      events.push({ id, name, data: JSON.parse(data) });
    }
  });
  return seen;
}

test("changes of jobs, of progress, of tasks and of what is held back are told", async () => {
  newHub();
  const all = told();
  const only = told({ taskType: "quick" });
  // It notes first how things are: what is there by then is not told.
  await expect
    .poll(async () => {
      await runtime.enqueue("quick");
      return all.events.some(({ name, data }) => name === "job" && data.status === "pending");
    })
    .toBe(true);
  const { id } = await runtime.enqueue("slow");
  const process = runtime.createRuntime();
  await process.start();
  await half.promise;
  const find = (name: string, data: object) =>
    all.events.filter(
      (one) => one.name === name && expect.objectContaining(data).asymmetricMatch(one.data),
    );
  await expect
    .poll(() => find("progress", { id, task_type: "slow", done: 1, total: 2 }))
    .toHaveLength(1);
  await expect.poll(() => find("catalog", {}).length).toBeGreaterThan(0);
  end.resolve();
  await expect.poll(() => find("job", { id, status: "completed" })).toHaveLength(1);
  await pause(runtime.db, schemas, { kind: "task", name: "slow", by: "me", reason: null });
  await expect.poll(() => find("gates", {}).length).toBeGreaterThan(0);
  expect(only.events.filter(({ data }) => data.id === id)).toEqual([]);
  expect(only.events.some(({ data }) => data.task_type === "quick")).toBe(true);
  await process.stop();
});

test("ten of one token and a hundred in all may watch", async () => {
  newHub();
  for (let n = 0; n < 10; n += 1) told();
  expect(() => told()).toThrow(expect.objectContaining({ status: 429 }));
  for (let n = 0; n < 90; n += 1) told({ who: `other-${n}` });
  expect(() => told({ who: "one more" })).toThrow(expect.objectContaining({ status: 503 }));
  expect(hub.size).toBe(100);
});

test("who goes makes room, and when all have gone nobody asks the database", async () => {
  newHub();
  const { stream } = told();
  stream.body.destroy();
  await expect.poll(() => hub.size).toBe(0);
});

test("silent streams get comments, and end for whom they are no longer allowed", async () => {
  newHub({ heartbeatMs: 20 });
  let allowed = true;
  const seen = told({ isAllowed: async () => allowed });
  await expect.poll(() => seen.text.split(": still here").length).toBeGreaterThan(6);
  expect(hub.size).toBe(1);
  allowed = false;
  await expect.poll(() => hub.size).toBe(0);
});

test("a silent stream gets one comment at a time, also when nothing could be looked for at first", async () => {
  const away = new Pool({ connectionString: "postgres://127.0.0.1:1/none" });
  const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
  const before = timers();
  newHub({ db: away, heartbeatMs: 60_000, intervalMs: 60_000 });
  const first = told();
  await expect(away.query("select 1")).rejects.toThrow();
  const second = told();
  for (const { stream } of [first, second]) stream.body.destroy();
  await expect.poll(() => hub.size).toBe(0);
  await hub.stop();
  await expect.poll(timers).toBeLessThanOrEqual(before);
});

test("who comes again is told what was missed, or that it can't be told", async () => {
  newHub();
  const first = told();
  const oneMore = async () => {
    const before = first.events.length;
    await expect
      .poll(async () => {
        await runtime.enqueue("quick");
        return first.events.length;
      })
      .toBeGreaterThan(before);
  };
  await oneMore();
  const { id = "" } = first.events.at(-1) ?? {};
  await oneMore();
  const again = told({ who: "again", lastEventId: id });
  const missed = first.events.slice(first.events.findIndex((one) => one.id === id) + 1);
  await expect.poll(() => again.events.slice(0, missed.length)).toEqual(missed);
  const lost = told({ who: "lost", lastEventId: "1-1" });
  await expect.poll(() => lost.events[0]?.name).toBe("missed");
});

test("at the stop every stream ends", async () => {
  newHub();
  const { stream } = told();
  const ended = new Promise((resolve) => stream.body.once("end", resolve));
  await hub.stop();
  await ended;
  expect(() => told()).toThrow(expect.objectContaining({ status: 503 }));
});
