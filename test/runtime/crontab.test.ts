import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { loadConfig } from "../../src/config/load-config.ts";
import { createEvents } from "../../src/core/events.ts";
import { createRuntime } from "../../src/runtime/create-runtime.ts";
import { Crontab } from "../../src/runtime/crontab.ts";
import { TaskRegistry } from "../../src/runtime/task-registry.ts";
import { createQueuePool } from "../../src/store/pools.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { SeveredProxy } from "../support/severed-proxy.ts";
import { TaskProject } from "../support/task-project.ts";
import { testRuntime } from "../support/test-runtime.ts";

const tasks = {
  plain: () => null,
  other: () => null,
  strict: { payload: z.strictObject({ n: z.number() }), handler: () => null },
  settled: {
    priority: "high",
    queue: "one-by-one",
    retry: { maxAttempts: 7 },
    handler: () => null,
  },
  keyed: {
    payload: z.object({ to: z.string().default("all") }),
    queue: (payload: { to: string }) => `to ${payload.to}`,
    handler: () => null,
  },
  bad_queue: {
    queue: () => {
      throw new Error("which queue?");
    },
    handler: () => null,
  },
};

let kit: TestRuntime;
const toEnd: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  kit = await testRuntime(tasks);
});
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
  await kit.stop();
});

interface Setup {
  readonly text: string;
  readonly clock: FakeClock;
  readonly connectionString?: string;
}

interface Ticking {
  readonly crontab: Crontab;
  readonly registry: TaskRegistry;
  readonly logged: Record<string, unknown>[];
  stop(): Promise<void>;
}

/** A crontab as one process has it, waiting for its first minute. */
async function ticking({ text, clock, connectionString }: Setup): Promise<Ticking> {
  const project = await TaskProject.of({ crontab: text });
  const registry = new TaskRegistry();
  registry.publish(kit.catalog);
  const logged: Record<string, unknown>[] = [];
  const db = createQueuePool({
    connectionString: connectionString ?? kit.connectionString,
    max: 2,
    onError: () => {},
  });
  const crontab = new Crontab({
    config: { crontab: project.path("crontab") },
    db,
    schemas: schemasFor("graphile_worker"),
    clock,
    tasks: registry,
    events: createEvents(() => {}),
    logger: pino({ level: "debug" }, { write: (line) => void logged.push(JSON.parse(line)) }),
  });
  const before = clock.count;
  await crontab.start();
  await clock.waiting(before + 1);
  let stopped: Promise<void> | null = null;
  const stop = () => {
    stopped ??= crontab.stop().then(async () => {
      await db.end();
      await project[Symbol.asyncDispose]();
    });
    return stopped;
  };
  toEnd.push(stop);
  return { crontab, registry, logged, stop };
}

/** The jobs that were queued, as "task 2026-01-01T00:00Z". */
async function queued(): Promise<string[]> {
  const { rows } = await kit.db.query(
    "select task, run_at from taskrun.jobs order by run_at, task",
  );
  return rows.map(({ task, run_at }) => `${task} ${run_at.toISOString().replace(":00.000Z", "Z")}`);
}

test("a line that is due queues its job, with the tick as its time", async () => {
  const clock = new FakeClock("2026-01-01T03:59:30Z");
  const { crontab } = await ticking({ text: "0 4 * * * plain {a: 1}\n5 4 * * * other\n", clock });
  expect(crontab.content.items).toHaveLength(2);

  await clock.advanceTo("2026-01-01T03:59:59Z");
  expect(await queued()).toEqual([]);
  await clock.advanceTo("2026-01-01T04:06:00Z");

  expect(await queued()).toEqual(["plain 2026-01-01T04:00Z", "other 2026-01-01T04:05Z"]);
  const { rows } = await kit.db.query("select payload from taskrun.jobs where task = 'plain'");
  expect(rows[0].payload).toEqual({
    a: 1,
    _cron: { ts: "2026-01-01T04:00:00.000Z", backfilled: false },
  });
});

test("what the line says wins over the task's file, and that over the defaults", async () => {
  const clock = new FakeClock("2026-01-01T00:00:30Z");
  const options = "?id=mine&max=2&queue=q&priority=5&jobKey=k";
  await ticking({ text: `* * * * * settled\n* * * * * settled ${options}\n`, clock });
  await clock.advanceTo("2026-01-01T00:01:00Z");
  const { rows } = await kit.db.query(
    "select priority, queue, max_attempts, key from taskrun.jobs order by priority",
  );
  expect(rows).toEqual([
    { priority: -10, queue: "one-by-one", max_attempts: 7, key: null },
    { priority: 5, queue: "q", max_attempts: 2, key: "k" },
  ]);
});

test("a task's own serial queue is told from the parsed payload", async () => {
  const clock = new FakeClock("2026-01-01T00:00:30Z");
  await ticking({ text: "* * * * * keyed", clock });
  await clock.advanceTo("2026-01-01T00:01:00Z");
  const { rows } = await kit.db.query("select queue from taskrun.jobs");
  expect(rows).toEqual([{ queue: "to all" }]);
});

test("a schema that refuses _cron gets its payload without", async () => {
  const clock = new FakeClock("2026-01-01T00:00:30Z");
  await ticking({ text: "* * * * * strict {n: 1}", clock });
  await clock.advanceTo("2026-01-01T00:01:00Z");
  const { rows } = await kit.db.query("select payload from taskrun.jobs");
  expect(rows).toEqual([{ payload: { n: 1 } }]);
  expect(await kit.drain()).toMatchObject({ completed: 1, failed: 0 });
});

test("a start at a full minute takes that minute along", async () => {
  const clock = new FakeClock("2026-01-01T00:05:00Z");
  await ticking({ text: "5 0 * * * plain", clock });
  expect(await queued()).toEqual(["plain 2026-01-01T00:05Z"]);
});

describe("in Paris", () => {
  const text = "30 2 * * * plain ?tz=Europe/Paris\n15 * * * * other ?tz=Europe/Paris\n";

  test("the time that spring skips runs at three o'clock, once", async () => {
    const clock = new FakeClock("2026-03-28T12:00:30Z");
    await ticking({ text: text.split("\n")[0]!, clock });
    await clock.advanceTo("2026-03-30T12:00:00Z");
    expect(await queued()).toEqual(["plain 2026-03-29T01:00Z", "plain 2026-03-30T00:30Z"]);
  });

  test("the time that autumn repeats runs once, and hourly lines go on", async () => {
    const clock = new FakeClock("2026-10-24T22:30:00Z");
    await ticking({ text, clock });
    await clock.advanceTo("2026-10-25T03:00:00Z");
    expect(await queued()).toEqual([
      "other 2026-10-24T23:15Z",
      "other 2026-10-25T00:15Z",
      "plain 2026-10-25T00:30Z",
      "other 2026-10-25T01:15Z",
      "other 2026-10-25T02:15Z",
    ]);
  });
});

describe("several processes", () => {
  test("queue each tick once", async () => {
    const clock = new FakeClock("2026-01-01T00:00:30Z");
    const text = "* * * * * plain\n*/2 * * * * other\n";
    await ticking({ text, clock });
    await ticking({ text, clock });
    await ticking({ text, clock });
    await clock.advanceTo("2026-01-01T00:30:30Z");
    const jobs = await queued();
    expect(jobs).toHaveLength(30 + 15);
    expect(new Set(jobs).size).toBe(45);
  });

  test("make up for what was missed once when they start together", async () => {
    const clock = new FakeClock("2026-01-01T00:00:30Z");
    const text = "* * * * * plain ?fill=1d\n";
    await (await ticking({ text, clock })).stop();
    await clock.jumpTo("2026-01-01T01:00:30Z");
    const others = [ticking({ text, clock }), ticking({ text, clock })];
    await Promise.all(others);
    const jobs = await queued();
    expect(jobs).toHaveLength(60);
    expect(new Set(jobs).size).toBe(60);
  });

  test("as whole runtimes run a job once per minute", async () => {
    const clock = new FakeClock("2026-01-01T00:00:30Z");
    await using project = await TaskProject.of({ crontab: "* * * * * plain" });
    const { connectionString } = kit;
    const { config } = await loadConfig({ folder: project.dir, environment: {} });
    const runtimes = [1, 2].map(() => {
      const { catalog } = kit;
      return createRuntime({
        config,
        connectionString,
        loader: { load: async () => catalog, close: async () => undefined },
        logger: pino({ level: "silent" }),
        clock,
      });
    });
    const finished: Date[] = [];
    const done = Promise.withResolvers<void>();
    for (const runtime of runtimes) {
      toEnd.push(() => runtime.stop());
      runtime.events.on("attempt:finished", ({ job }) => {
        if (finished.push(job.runAt) === 10) done.resolve();
      });
      await runtime.start();
    }
    await clock.waiting(2);
    expect(runtimes[0]?.crontab.items).toHaveLength(1);
    await clock.advanceTo("2026-01-01T00:10:30Z");
    await done.promise;
    const minutes = finished.map((date) => date.getTime() / 60_000);
    expect(new Set(minutes).size).toBe(10);
    expect(await queued()).toHaveLength(10);
  });
});

describe("what was missed before the start", () => {
  const filled = "0 * * * * plain ?fill=3h\n0 * * * * other\n";

  test("is made up for as far as the line asks, and marked", async () => {
    const clock = new FakeClock("2026-01-01T00:30:00Z");
    const first = await ticking({ text: filled, clock });
    await clock.advanceTo("2026-01-01T01:30:00Z");
    await first.stop();
    await clock.jumpTo("2026-01-01T06:30:00Z");
    await ticking({ text: filled, clock });
    expect(await queued()).toEqual([
      "other 2026-01-01T01:00Z",
      "plain 2026-01-01T01:00Z",
      "plain 2026-01-01T04:00Z",
      "plain 2026-01-01T05:00Z",
      "plain 2026-01-01T06:00Z",
    ]);
    const { rows } = await kit.db.query(
      "select count(*) from taskrun.jobs where (payload -> '_cron' ->> 'backfilled')::boolean",
    );
    expect(rows).toEqual([{ count: "3" }]);
  });

  test("is not made up for when the line was never here before", async () => {
    const clock = new FakeClock("2026-01-01T06:30:00Z");
    await ticking({ text: filled, clock });
    expect(await queued()).toEqual([]);
  });

  test("goes no further back than the line's last run", async () => {
    const clock = new FakeClock("2026-01-01T00:30:00Z");
    const text = "0 * * * * plain ?fill=7d\n";
    const first = await ticking({ text, clock });
    await clock.advanceTo("2026-01-01T03:30:00Z");
    await first.stop();
    await kit.db.query("delete from taskrun.cron_ticks");
    await clock.jumpTo("2026-01-01T04:30:00Z");
    await ticking({ text, clock });
    expect((await queued()).at(-1)).toBe("plain 2026-01-01T04:00Z");
    expect(await queued()).toHaveLength(4);
  });
});

describe("a process that lives on", () => {
  test("queues the ticks of an outage of the database when that is over", async () => {
    const { proxy, url } = await SeveredProxy.to(kit.connectionString);
    await using _ = proxy;
    const clock = new FakeClock("2026-01-01T00:00:30Z");
    const text = "* * * * * plain\n";
    const { logged } = await ticking({ text, clock, connectionString: url });
    await clock.advanceTo("2026-01-01T00:02:30Z");
    await proxy.cut();
    await clock.advanceTo("2026-01-01T00:05:30Z");
    expect(await queued()).toHaveLength(2);
    expect(logged.filter(({ msg }) => String(msg).includes("waits for the database"))).toHaveLength(
      1,
    );
    await proxy.mend();
    await clock.advanceTo("2026-01-01T00:06:30Z");
    const jobs = await queued();
    expect(jobs).toHaveLength(6);
    expect(new Set(jobs).size).toBe(6);
    const { rows } = await kit.db.query(
      "select distinct payload -> '_cron' ->> 'backfilled' as backfilled from taskrun.jobs",
    );
    expect(rows).toEqual([{ backfilled: "false" }]);
    await toEnd.pop()?.();
  });

  test("is late by an hour at most after the machine slept, but for fill", async () => {
    const clock = new FakeClock("2026-01-01T00:00:30Z");
    const text = "*/30 * * * * plain\n*/30 * * * * other ?fill=2h\n";
    await ticking({ text, clock });
    await clock.jumpTo("2026-01-01T05:10:00Z");
    expect(await queued()).toEqual([
      "other 2026-01-01T03:30Z",
      "other 2026-01-01T04:00Z",
      "other 2026-01-01T04:30Z",
      "plain 2026-01-01T04:30Z",
      "other 2026-01-01T05:00Z",
      "plain 2026-01-01T05:00Z",
    ]);
  });

  test("queues nothing again when its clock is put back", async () => {
    const clock = new FakeClock("2026-01-01T00:00:30Z");
    await ticking({ text: "* * * * * plain\n", clock });
    await clock.advanceTo("2026-01-01T00:10:30Z");
    await clock.jumpTo("2026-01-01T00:05:30Z");
    await clock.advanceTo("2026-01-01T00:12:30Z");
    const jobs = await queued();
    expect(jobs).toHaveLength(12);
    expect(new Set(jobs).size).toBe(12);
  });
});

describe("lines that fail", () => {
  test("are told and left out, the others run", async () => {
    const clock = new FakeClock("2026-01-01T00:00:30Z");
    const { crontab } = await ticking({
      text: "* * * * * nobody\n* * * * * plain\n61 * * * * other\n",
      clock,
    });
    expect(crontab.content.failures.map(({ line }) => line)).toEqual([1, 3]);
    await clock.advanceTo("2026-01-01T00:01:00Z");
    expect(await queued()).toEqual(["plain 2026-01-01T00:01Z"]);
  });

  test("at their tick are logged and hold up no other", async () => {
    const clock = new FakeClock("2026-01-01T00:00:30Z");
    const { logged } = await ticking({ text: "* * * * * bad_queue\n* * * * * plain\n", clock });
    await kit.db.query(
      `create function refuse() returns trigger language plpgsql as
         $$ begin if new.payload::text like '%refused%' then raise 'no'; end if; return new; end $$;
       create trigger refuse before insert on graphile_worker._private_jobs
         for each row execute function refuse()`,
    );
    await clock.advanceTo("2026-01-01T00:01:00Z");
    expect(await queued()).toEqual(["plain 2026-01-01T00:01Z"]);
    expect(logged).toContainEqual(expect.objectContaining({ level: 50, task: "bad_queue" }));

    await clock.advanceTo("2026-01-01T00:01:30Z");
    await kit.db.query("delete from graphile_worker._private_jobs");
    const { crontab } = await ticking({
      text: "* * * * * other {a: 'refused'}\n* * * * * plain ?id=p\n",
      clock,
    });
    expect(crontab.content.failures).toEqual([]);
    await clock.advanceTo("2026-01-01T00:02:00Z");
    expect(await queued()).toEqual(["plain 2026-01-01T00:02Z", "plain 2026-01-01T00:02Z"]);
  });
});

describe("a change while it runs", () => {
  test("of the text counts from that moment on", async () => {
    const clock = new FakeClock("2026-01-01T00:00:30Z");
    const { crontab } = await ticking({ text: "* * * * * plain\n", clock });
    await clock.advanceTo("2026-01-01T00:02:30Z");
    const content = await crontab.reload("* * * * * other ?fill=1d\n* * * * * nobody\n");
    expect(content.items.map(({ task }) => task)).toEqual(["other"]);
    expect(content.failures).toMatchObject([{ line: 2 }]);
    expect(crontab.content).toBe(content);
    await clock.advanceTo("2026-01-01T00:04:30Z");
    expect(await queued()).toEqual([
      "plain 2026-01-01T00:01Z",
      "plain 2026-01-01T00:02Z",
      "other 2026-01-01T00:03Z",
      "other 2026-01-01T00:04Z",
    ]);
  });

  test("makes a new line known at once, so that fill works from then on", async () => {
    const clock = new FakeClock("2026-01-01T00:30:30Z");
    const first = await ticking({ text: "", clock });
    const text = "0 * * * * plain ?fill=1d\n";
    await first.crontab.reload(text);
    await clock.advanceTo("2026-01-01T00:31:30Z");
    await first.stop();
    await clock.jumpTo("2026-01-01T02:30:30Z");
    await ticking({ text, clock });
    expect(await queued()).toEqual(["plain 2026-01-01T01:00Z", "plain 2026-01-01T02:00Z"]);
  });

  test("of the tasks leaves out the lines of those that have gone, until they are back", async () => {
    const clock = new FakeClock("2026-01-01T00:00:30Z");
    const text = "* * * * * plain\n";
    const { crontab, registry, logged } = await ticking({ text, clock });
    registry.publish({ tasks: new Map(), failures: [] });
    await crontab.recheck();
    await clock.advanceTo("2026-01-01T00:01:30Z");
    expect(await queued()).toEqual([]);
    expect(logged.filter(({ msg }) => msg === "a line of the crontab is left out")).toMatchObject([
      { line: 1, reason: "there is no task plain" },
    ]);
    registry.publish(kit.catalog);
    await crontab.recheck();
    await clock.advanceTo("2026-01-01T00:02:30Z");
    expect(await queued()).toEqual(["plain 2026-01-01T00:02Z"]);
  });
});

test("a drain queues nothing by the clock, nor does a crontab that is turned off", async () => {
  await using project = await TaskProject.of({ crontab: "* * * * * plain" });
  const clock = new FakeClock("2026-01-01T00:01:00Z");
  const { config } = await loadConfig({ folder: project.dir, environment: {} });
  for (const crontab of [config.crontab, false] as const) {
    const runtime = createRuntime({
      config: { ...config, crontab },
      connectionString: kit.connectionString,
      loader: { load: async () => kit.catalog, close: async () => undefined },
      logger: pino({ level: "silent" }),
      clock,
    });
    toEnd.push(() => runtime.stop());
    await runtime.drain();
    if (crontab === false) await runtime.start();
  }
  await clock.jumpTo("2026-01-01T00:02:00Z");
  expect(clock.count).toBe(0);
  expect(await queued()).toEqual([]);
});
