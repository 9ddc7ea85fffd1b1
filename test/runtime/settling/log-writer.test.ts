import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TaskContext } from "../../../src/core/context.ts";
import { LogWriter } from "../../../src/runtime/settling/log-writer.ts";
import { listLogLines } from "../../../src/store/logs.ts";
import { createQueuePool, endPool } from "../../../src/store/pools.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { SeveredProxy } from "../../support/severed-proxy.ts";
import { exampleJob } from "../../support/start-attempt.ts";
import { addBySql, testRuntime } from "../../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let kit: TestRuntime;

type Handler = (payload: unknown, ctx: TaskContext) => unknown;
let handler: Handler;

beforeEach(async () => {
  kit = await testRuntime(
    { chatty: (payload: unknown, ctx: TaskContext) => handler(payload, ctx) },
    { redact: ["card.number", "password"] },
  );
});

afterEach(() => kit.stop());

async function run(next: Handler, more = ""): Promise<string> {
  handler = next;
  const id = await addBySql(kit, "chatty", {}, more);
  await kit.drain();
  return id;
}

async function linesOf(id: string) {
  return listLogLines(kit.db, schemas, id, 1000);
}

describe("lines of a handler", () => {
  test("are kept from info on, in order, whatever level the process logs at", async () => {
    const id = await run(async (_, ctx) => {
      ctx.log.trace("no");
      ctx.log.debug("no");
      ctx.log.info({ to: "a@b.c", n: 1 }, "sending mail");
      ctx.log.warn("slow");
      await ctx.query("select 1");
      ctx.log.error(new Error("refused"), "went wrong");
      ctx.log.fatal({});
    });
    const lines = await linesOf(id);
    expect(lines.map(({ level, message, attempt }) => [level, message, attempt])).toEqual([
      ["info", "sending mail", 1],
      ["warn", "slow", 1],
      ["error", "went wrong", 1],
      ["fatal", "", 1],
    ]);
    expect(lines[0]?.fields).toEqual({ to: "a@b.c", n: 1 });
    expect(lines[1]?.fields).toBeNull();
    expect(lines[2]?.fields).toMatchObject({ err: { type: "Error", message: "refused" } });
  });

  test("of children and of graphile-worker's logger are kept with their fields", async () => {
    const id = await run((_, ctx) => {
      const child = ctx.log.child({ part: "billing" });
      child.info("one");
      child.child({ step: 2 }).warn({ n: 3 }, "two");
      ctx.logger.scope({ part: "mail" }).info({ to: "x" }, "three");
      ctx.log.info("four");
    });
    expect((await linesOf(id)).map(({ message, fields }) => [message, fields])).toEqual([
      ["one", { part: "billing" }],
      ["two", { part: "billing", step: 2, n: 3 }],
      ["three", { part: "mail", to: "x" }],
      ["four", null],
    ]);
  });

  test("don't show what the configuration redacts", async () => {
    const id = await run((_, ctx) => {
      ctx.log.info({ card: { number: "4111", holder: "Ada" }, password: "x" }, "paying");
      ctx.log.child({ password: "y" }).info("again");
    });
    const [paying, again] = await linesOf(id);
    expect(paying?.fields).toEqual({
      card: { number: "[secret]", holder: "Ada" },
      password: "[secret]",
    });
    expect(again?.fields).toEqual({ password: "[secret]" });
  });

  test("are made storable and short", async () => {
    const id = await run((_, ctx) => {
      ctx.log.info({ text: "a\0b\ud800", deep: "x".repeat(50_000) }, `nul \0 ${"y".repeat(5000)}`);
      ctx.log.info({ lone: "\udc00\0" }, "fields");
    });
    const [long, fields] = await linesOf(id);
    expect(long?.message).toHaveLength(2000);
    expect(long?.message).toMatch(/^nul \ufffd y+ … \(cut: \d+ characters in all\)$/);
    expect(JSON.stringify(long?.fields).length).toBeLessThan(5000);
    expect(fields?.fields).toEqual({ lone: "\ufffd\ufffd" });
  });

  test("that can't be made don't fail the attempt", async () => {
    const id = await run((_, ctx) => {
      const hostile = {
        get trap(): string {
          throw new Error("no");
        },
        toJSON() {
          throw new Error("no");
        },
      };
      try {
        ctx.log.info({ hostile }, "before");
      } catch {
        // What the process's own logger makes of it is its concern.
      }
      ctx.log.info("after");
      return 1;
    });
    expect(await kit.job(id)).toMatchObject({ state: "completed", output: 1 });
    expect((await linesOf(id)).at(-1)).toMatchObject({ message: "after" });
  });

  test("are kept of each attempt", async () => {
    const id = await run((_, ctx) => {
      ctx.log.info(`attempt ${ctx.attempt}`);
      throw new Error("again");
    });
    await kit.db.query("update graphile_worker._private_jobs set run_at = now()");
    await kit.drain();
    expect((await linesOf(id)).map(({ attempt, message }) => [attempt, message])).toEqual([
      [1, "attempt 1"],
      [2, "attempt 2"],
    ]);
  });

  test("are the last 200 of an attempt, however they came", async () => {
    const id = await run(async (_, ctx) => {
      for (let n = 1; n <= 450; n += 1) {
        ctx.log.info(`line ${n}`);
        // Some go out in batches, some are pushed out before.
        if (n % 90 === 0) await untilKept(ctx, n);
      }
    });
    const lines = await linesOf(id);
    expect(lines).toHaveLength(200);
    expect(lines.map(({ message }) => message)).toEqual(
      Array.from({ length: 200 }, (_, index) => `line ${251 + index}`),
    );
  });
});

async function untilKept(ctx: TaskContext, n: number): Promise<void> {
  const isKept = async () => {
    const { rows } = await ctx.query("select 1 from taskrun.logs where message = $1", [
      `line ${n}`,
    ]);
    return rows.length > 0;
  };
  while (!(await isKept()));
}

test("nothing is kept where the configuration says so", async () => {
  const silent = await testRuntime(
    { chatty: (_: unknown, ctx: TaskContext) => ctx.log.info("hello") },
    { keepLogs: false },
  );
  try {
    const { id } = await silent.enqueue("chatty");
    expect(await silent.drain()).toMatchObject({ completed: 1 });
    expect(await listLogLines(silent.db, schemas, id, 10)).toEqual([]);
  } finally {
    await silent.stop();
  }
});

describe("a writer", () => {
  const logger = pino({ level: "silent" });

  test("that can't reach the table drops the oldest lines and says how many", async () => {
    const writer = new LogWriter({ db: kit.db, schemas, logger, redact: [], maxWaiting: 5 });
    const blocker = await kit.db.connect();
    await blocker.query("begin");
    await blocker.query("lock table taskrun.logs");
    const log = writer.keep({ ...exampleJob, id: "1" }, logger.child({}));
    const other = writer.keep({ ...exampleJob, id: "2" }, logger.child({}));
    for (let n = 1; n <= 4; n += 1) log.info(`first ${n}`);
    for (let n = 1; n <= 4; n += 1) other.info(`second ${n}`);
    await blocker.query("commit");
    blocker.release();
    while ((await linesOf("2")).length === 0);
    await writer.stop();
    expect((await linesOf("1")).map(({ message }) => message)).toEqual([
      "3 lines before this one were dropped: they came faster than they are kept",
      "first 4",
    ]);
    expect(await linesOf("2")).toHaveLength(4);
  });

  test("keeps lines that came while the database was away, and stops in time without it", async () => {
    const { proxy, url } = await SeveredProxy.to(kit.connectionString);
    await using _ = proxy;
    const db = createQueuePool({ connectionString: url, max: 1, onError: () => {} });
    const writer = new LogWriter({ db, schemas, logger, redact: [] });
    const log = writer.keep({ ...exampleJob, id: "3" }, logger.child({}));
    await db.query("select 1");
    await proxy.cut();
    log.info("while it is away");
    await proxy.mend();
    while ((await linesOf("3")).length === 0);
    await proxy.cut();
    log.info("lost");
    const startMs = performance.now();
    await writer.stop();
    // A second, on a machine that isn't slow.
    expect(performance.now() - startMs).toBeLessThan(30_000);
    expect((await linesOf("3")).map(({ message }) => message)).toEqual(["while it is away"]);
    await endPool(db);
  });

  test("whose lines are refused goes on and fails nobody", async () => {
    await kit.db.query("drop table taskrun.logs");
    const writer = new LogWriter({ db: kit.db, schemas, logger, redact: [] });
    writer.keep(exampleJob, logger.child({})).info("lost");
    await writer.stop();
    await kit.db.query("select 1");
  });
});
