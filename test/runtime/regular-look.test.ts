import { once } from "node:events";
import { tmpdir } from "node:os";
import type pg from "pg";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { countQueries } from "../../bench/support/query-counter.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { createRuntime } from "../../src/runtime/create-runtime.ts";
import { RegularLook, type RegularLookOptions } from "../../src/runtime/regular-look.ts";
import type { Seen } from "../../src/store/look-around.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import { pause } from "../../src/store/transient.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addBySql, signal, testRuntime } from "../support/test-runtime.ts";

let kit: TestRuntime;
let look: RegularLook | undefined;
afterEach(async () => {
  await look?.stop();
  look = undefined;
  await kit?.stop();
});

const inAnHour = "run_at := now() + interval '1 hour'";
/** As nobody would do it who wants to be heard: no message is sent. */
const makeDue = (id: string) =>
  kit.db.query("update graphile_worker._private_jobs set run_at = now() where id = $1", [id]);

/** What it has told, in order. */
interface Told {
  readonly words: string[];
  readonly seen: Seen[];
}

function startLook(options: Partial<RegularLookOptions>): Told {
  const told: Told = { words: [], seen: [] };
  look = new RegularLook({
    db: kit.db,
    schemas: schemasFor("graphile_worker"),
    logger: pino({ level: "silent" }),
    heartbeatIntervalMs: 20,
    pollIntervalMs: 20,
    askListener: () => null,
    presence: {
      processId: "p",
      vitals: () => null,
      looked: (seen) => {
        told.words.push("looked");
        told.seen.push(seen);
      },
      missed: () => void told.words.push("missed"),
    },
    taskIds: async () => [],
    onDue: () => void told.words.push("due"),
    onChores: () => void told.words.push("chores"),
    ...options,
  });
  look.start();
  return told;
}

test("a job of which no message told is found by the poll", async () => {
  const ran = signal();
  kit = await testRuntime({ task: async () => ran.resolve() });
  const id = await addBySql(kit, "task", {}, inAnHour);
  const runtime = kit.createRuntime({ pollIntervalMs: 50, heartbeatIntervalMs: 60_000 });
  await runtime.start();
  await makeDue(id);
  await ran.promise;
  await runtime.stop();
});

test("a cancel and a pause of which no message told are heard of all the same", async () => {
  const running = signal();
  kit = await testRuntime({
    long: async (_: unknown, ctx: { signal: AbortSignal }) => {
      running.resolve();
      await once(ctx.signal, "abort");
    },
  });
  const runtime = kit.createRuntime({ heartbeatIntervalMs: 50 });
  await runtime.start();
  const id = await addBySql(kit, "long");
  await running.promise;
  const finished = once(runtime.events, "attempt:finished");
  const paused = once(runtime.events, "pauses:changed");
  await kit.db.query("insert into taskrun.pauses (kind, name) values ('task', 'long')");
  await kit.db.query("insert into taskrun.cancellations (job_id) values ($1)", [id]);
  expect(await finished).toMatchObject([{ state: "cancelled" }]);
  await paused;
  await runtime.stop();
});

test("a process without work asks for nothing but its look, whatever its concurrency", async () => {
  kit = await testRuntime({ task: async () => null });
  const counter = await countQueries(kit.connectionString);
  const { config } = await loadConfig({ folder: tmpdir(), environment: {} });
  const often = { heartbeatIntervalMs: 100, pollIntervalMs: 100 };
  const runtime = createRuntime({
    config: { ...config, concurrency: 20, crontab: false, ...often },
    connectionString: counter.connectionString,
    loader: { load: async () => kit.catalog, close: async () => {} },
    logger: pino({ level: "silent" }),
  });
  await runtime.start();
  const asked = () =>
    [...counter.counts].map(([text, times]) => ({
      text: text.replace(/\s+/g, " ").slice(0, 40),
      times,
    }));
  const isLook = ({ text }: { text: string }) => text.includes("with beat as");
  while (!asked().some((each) => isLook(each) && each.times >= 2)) await pause(20);
  // On a slow machine some of what is asked at the start comes later still, but none of it twice.
  for (let rounds = 0; rounds < 3; rounds += 1) {
    counter.counts.clear();
    // Longer than each of the intervals that there would be beside it.
    await pause(6000);
    if (asked().every(isLook)) break;
  }
  expect(asked().map(({ text }) => text)).toEqual([expect.stringContaining("with beat as")]);
  await runtime.stop();
  await counter.close();
});

test("it asks on the connection that listens, and the pool only while there is none", async () => {
  kit = await testRuntime({});
  const client = await kit.db.connect();
  const asked: string[] = [];
  let listens = true;
  const db = {
    query: (...args: Parameters<pg.Pool["query"]>) => {
      asked.push("pool");
      return kit.db.query(...args);
    },
  } as unknown as pg.Pool; // why: the pool, but that it tells
  const told = startLook({
    db,
    askListener: (question) => {
      if (!listens) return null;
      asked.push("listener");
      // why: a client of the pool is as good
      return question(client as unknown as pg.Client);
    },
  });
  while (told.words.filter((word) => word === "looked").length < 2) await pause(5);
  expect(new Set(asked)).toEqual(new Set(["listener"]));
  listens = false;
  while (!asked.includes("pool")) await pause(5);
  await look?.stop();
  client.release();
});

test("its statement is made ready well before the first look, and that tells nothing", async () => {
  kit = await testRuntime({});
  const client = await kit.db.connect();
  try {
    const everyMs = { heartbeatIntervalMs: 60_000, pollIntervalMs: 60_000 };
    const told = startLook({ ...everyMs, askListener: (question) => question(client) });
    await expect
      .poll(async () => {
        const { rows } = await client.query("select name from pg_prepared_statements");
        return rows;
      })
      .toEqual([{ name: "taskrun look" }]);
    await look?.stop();
    expect(told.words).toEqual([]);
  } finally {
    client.release();
  }
});

test("a look that fails leaves it open what there is to do, and the next one is made", async () => {
  kit = await testRuntime({});
  let isAway = true;
  const db = {
    query: (...args: Parameters<pg.Pool["query"]>) =>
      isAway ? Promise.reject(new Error("connection terminated")) : kit.db.query(...args),
  } as unknown as pg.Pool; // why: the pool, but that it is away at first
  const told = startLook({ db });
  while (told.words.length < 4) await pause(5);
  expect(told.words.slice(0, 4)).toEqual(["missed", "due", "missed", "due"]);
  expect(look?.mayHave("blocked")).toBe(true);
  isAway = false;
  while (look?.mayHave("blocked")) await pause(5);
  expect(told.words).toContain("looked");
  expect(told.seen[0]?.beats).toEqual([]);
});

test("after a stop it tells nothing more, also of a look that was under way", async () => {
  kit = await testRuntime({});
  const asked = signal();
  const answer = signal();
  const db = {
    query: async (...args: Parameters<pg.Pool["query"]>) => {
      asked.resolve();
      await answer.promise;
      return kit.db.query(...args);
    },
  } as unknown as pg.Pool; // why: the pool, but that it is slow
  const told = startLook({ db });
  await asked.promise;
  const stopped = look?.stop();
  answer.resolve();
  await stopped;
  expect(told.words).toEqual([]);
});
