/** Handlers that throw, return and change what they should not: one at a time, on a real queue. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../support/test-runtime.ts";

const circularCause = new Error("round");
circularCause.cause = circularCause;

const hostile = new Proxy(new Error("x"), {
  get() {
    throw new Error("don't look");
  },
  has() {
    throw new Error("don't look");
  },
  getPrototypeOf() {
    throw new Error("don't look");
  },
});

const throwingGetter = Object.defineProperty(new Error(), "message", {
  get() {
    throw new Error("no message for you");
  },
});

const deepCause = Array.from({ length: 5_000 }).reduce<Error>(
  (cause, _, level) => new Error(`level ${level}`, { cause }),
  new Error("the root"),
);

/** What is thrown, and what the job's error says. */
const thrown: Record<string, readonly [unknown, RegExp]> = {
  nothing: [undefined, /^undefined was thrown$/],
  null: [null, /^null was thrown$/],
  text: ["just text", /^just text$/],
  object: [{ code: 5, why: "so" }, /^\{"code":5,"why":"so"\} was thrown$/],
  nul: [new Error("a\0b\ud800c"), /^a\ufffdb\ufffdc$/],
  huge: [new Error("m".repeat(50_000_000)), /^m+ … \(cut: 50000000 characters in all\)$/],
  getter: [throwingGetter, /without a message|unreadable/],
  proxy: [hostile, /./],
  frozen: [Object.freeze(new Error("cold")), /^cold$/],
  aggregate: [new AggregateError([new Error("one"), new Error("two")], "both"), /^both/],
  circular: [circularCause, /^round$/],
  deep: [deepCause, /^level 4999$/],
  symbol: [Symbol("s"), /^Symbol\(s\) was thrown$/],
};

const deepOutput = Array.from({ length: 10_000 }).reduce((deep) => ({ deep }), { bottom: true });
const circularOutput: Record<string, unknown> = { name: "me" };
circularOutput.me = circularOutput;

/** What is returned, and what is kept. */
const returned: Record<string, readonly [unknown, unknown]> = {
  circular: [circularOutput, { name: "me", me: "[circular]" }],
  bigint: [{ n: 10n }, { n: "10n" }],
  symbol: [{ s: Symbol("s") }, {}],
  function: [() => 1, null],
  map: [{ m: new Map([["a", 1]]) }, { m: { a: 1 } }],
  date: [{ d: new Date(Number.NaN) }, { d: null }],
  error: [new Error("an output"), { name: "Error", message: "an output" }],
  nul: [{ text: "a\0\ud800" }, { text: "a\ufffd\ufffd" }],
  deep: [deepOutput, expect.anything()],
  huge: [{ x: "y".repeat(100_000_000) }, { $cut: expect.any(String), $start: expect.any(String) }],
  list: [
    ["a", "b"],
    ["a", "b"],
  ],
};

const handlers = {
  throws: {
    retry: { maxAttempts: 1 },
    handler: (which: string) => {
      throw thrown[which]?.[0];
    },
  },
  rejects: {
    retry: { maxAttempts: 1 },
    handler: (which: string) => Promise.reject(thrown[which]?.[0]),
  },
  returns: async (which: string) => returned[which]?.[0],
  returns_list: () => ["x", "y"],
  mutates: {
    retry: { baseDelay: "1h" },
    handler: (
      payload: { list: number[]; more?: unknown },
      ctx: { job: object; payload: unknown },
    ) => {
      payload.list.length = 0;
      payload.more = circularOutput;
      Reflect.set(ctx, "attempt", 99);
      Reflect.set(ctx.job, "attempt", 99);
      throw new Error("after the change");
    },
  },
};

let runtime: TestRuntime;

beforeAll(async () => {
  runtime = await testRuntime(handlers, { logLevel: "silent" });
});

afterAll(() => runtime[Symbol.asyncDispose]());

async function ended(task: string, payload: unknown) {
  const { id } = await runtime.enqueue(task, payload);
  await runtime.drain();
  const job = await runtime.job(id);
  if (job === null) throw new Error(`job ${id} is gone`);
  return job;
}

describe("whatever is thrown fails the job alone and is kept as text", () => {
  for (const [which, [, message]] of Object.entries(thrown)) {
    test(which, async () => {
      for (const task of ["throws", "rejects"]) {
        const job = await ended(task, which);
        expect(job).toMatchObject({ state: "failed", attempts: 1 });
        expect(job.error).toMatch(message);
      }
    });
  }
});

test("the errors in an AggregateError are told", async () => {
  const { id } = await ended("throws", "aggregate");
  const { rows } = await runtime.db.query(
    "select error_stack from taskrun.attempts where job_id = $1",
    [id],
  );
  expect(rows[0].error_stack).toMatch(/one[\s\S]*two/);
});

describe("whatever is returned, a finished job has completed", () => {
  for (const [which, [, output]] of Object.entries(returned)) {
    test(which, async () => {
      const job = await ended("returns", which);
      expect(job).toMatchObject({ state: "completed", output });
    });
  }
});

test("a list returned for a list is an output, not the results of a batch", async () => {
  const job = await ended("returns_list", [1, 2]);
  expect(job).toMatchObject({ state: "completed", output: ["x", "y"] });
});

test("what a handler changes in its payload is not in the queue's row", async () => {
  const { id } = await runtime.enqueue("mutates", { list: [1, 2, 3] });
  await runtime.drain();
  expect(await runtime.job(id)).toMatchObject({
    state: "retrying",
    payload: { list: [1, 2, 3] },
    attempts: 1,
  });
});
