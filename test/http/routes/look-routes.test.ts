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

test("failures are grouped by what made them fail", async () => {
  await runtime.enqueue("fail");
  await runtime.enqueue("fail");
  await runtime.drain();
  const { data } = (await api.ask("/errors")).body;
  expect(data).toEqual([
    expect.objectContaining({ task_type: "fail", error_name: "TypeError", count: 2 }),
  ]);
  expect((await api.ask("/errors?task_type=email")).body.data).toEqual([]);
  expect((await api.ask("/errors?since=2090-01-01T00:00:00Z")).body.data).toEqual([]);
});

test("running processes and their tasks are shown, with what a payload must be", async () => {
  expect((await api.ask("/processes")).body.data).toEqual([]);
  const { id } = await runtime.enqueue("slow");
  const process = runtime.createRuntime();
  await process.start();
  try {
    await begun.promise;
    expect((await api.ask("/processes")).body.data).toEqual([
      expect.objectContaining({ id: process.processId, running: 1, host: expect.any(String) }),
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
          processes: 1,
        },
        { task_type: "fail", payload_schema: null },
        { task_type: "mail", alias_of: "email" },
        { task_type: "slow" },
      ]);
  } finally {
    end.resolve();
    await process.stop();
  }
});
