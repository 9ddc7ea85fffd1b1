import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { type HttpApi, httpApi } from "../../support/http-api.ts";
import { signal, testRuntime } from "../../support/test-runtime.ts";

const begun = signal();
const end = signal();
let runtime: TestRuntime;
let api: HttpApi;

beforeAll(async () => {
  runtime = await testRuntime({
    email: {
      description: "Sends a mail",
      aliases: ["mail"],
      payload: z.object({ to: z.email() }),
      handler: async () => 1,
    },
    slow: async () => {
      begun.resolve();
      await end.promise;
    },
    fail: {
      retry: { maxAttempts: 1 },
      handler: async () => {
        throw new TypeError("no luck");
      },
    },
  });
  api = await httpApi({ runtime });
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await runtime.stop();
});

test("running processes and their tasks are shown, with what a payload must be", async () => {
  expect((await api.ask("/processes")).body.data).toEqual([]);
  const { id } = await runtime.enqueue("slow");
  const process = runtime.createRuntime({ heartbeatIntervalMs: 200 });
  await process.start();
  try {
    await begun.promise;
    // An answer that took its time is given for two seconds.
    await expect
      .poll(async () => (await api.ask("/processes")).body.data)
      .toEqual([
        expect.objectContaining({ id: process.processId, running: 1, host: expect.any(String) }),
      ]);
    await expect
      .poll(async () => (await api.ask("/processes")).body.data)
      .toMatchObject([
        {
          tasks: ["email", "fail", "mail", "slow"],
          concurrency: expect.any(Number),
          loop_lag_ms: expect.any(Number),
          rss_bytes: expect.any(Number),
          last_beat_at: expect.stringMatching(/Z$/),
        },
      ]);
    expect((await api.ask(`/tasks/${id}`)).body.data).toMatchObject({
      status: "running",
      process: process.processId,
    });
    await expect
      .poll(async () => (await api.ask("/catalog")).body.data)
      .toMatchObject([
        {
          task_type: "email",
          alias_of: null,
          description: "Sends a mail",
          payload_schema: { type: "object", properties: { to: { type: "string" } } },
          processes: [process.processId],
          file: expect.any(String),
          version: 1,
          policies: expect.arrayContaining([
            { name: "timeoutMs", value: 30_000, source: "default" },
            { name: "maxAttempts", value: 3, source: "default" },
          ]),
          rates: { completed: 0, failed: 0 },
          breaker: null,
          paused: null,
        },
        {
          task_type: "fail",
          payload_schema: null,
          policies: expect.arrayContaining([
            { name: "maxAttempts", value: 1, source: expect.stringContaining("fail") },
          ]),
        },
        { task_type: "mail", alias_of: "email" },
        { task_type: "slow" },
      ]);
  } finally {
    end.resolve();
    await process.stop();
  }
});

test("the overview says how many are what, how it went, and what to look at", async () => {
  await runtime.enqueue("fail");
  await runtime.enqueue("email", { to: "a@example.com" }, { delay: "1h" });
  await runtime.drain();
  await api.ask("/pause", { json: { task_type: "email", reason: "a test" } });
  const { data } = (await api.ask("/overview?buckets=6")).body;
  expect(data.counts).toMatchObject({ failed: 1, scheduled: 1, running: 0 });
  expect(data.series).toHaveLength(6);
  expect(data.series.at(-1)).toMatchObject({ failed: 1, run_p50_ms: expect.any(Number) });
  expect(data.series[0]).toMatchObject({ at: data.since, failed: 0, run_p50_ms: null });
  expect(data.attention).toEqual([
    expect.objectContaining({ kind: "failed", task_type: "fail", count: 1 }),
    expect.objectContaining({ kind: "paused", task_type: "email", detail: expect.any(String) }),
  ]);
  expect((await api.ask("/catalog")).body.data[0]).toMatchObject({
    task_type: "email",
    paused: { paused_by: "the HTTP API", reason: "a test" },
  });
  expect((await api.ask("/overview?buckets=0")).status).toBe(400);
});

test("files that can't be loaded are told, also those of other processes", async () => {
  expect((await api.ask("/load-failures")).body.data).toEqual([]);
  await runtime.db.query(
    `insert into taskrun.processes (id, host, pid, version, load_failures) values ('p', 'h', 1, '0',
       '[{"code":"syntax-error","task":"a","file":"/a.ts","line":1,"column":2,"reason":"no",
          "fix":"mend it","frame":null}]')`,
  );
  expect((await api.ask("/load-failures")).body.data).toEqual([
    {
      task_type: "a",
      kind: "syntax-error",
      file: "/a.ts",
      line: 1,
      column: 2,
      reason: "no",
      fix: "mend it",
      frame: null,
      processes: ["p"],
    },
  ]);
  const { attention } = (await api.ask("/overview")).body.data;
  expect(attention).toContainEqual(
    expect.objectContaining({ kind: "load_failure", task_type: "a", detail: "/a.ts: no" }),
  );
});
