import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { type HttpApi, httpApi } from "../../support/http-api.ts";
import { testRuntime } from "../../support/test-runtime.ts";

let runtime: TestRuntime;
let api: HttpApi;

beforeAll(async () => {
  const retry = { maxAttempts: 1 };
  runtime = await testRuntime({
    fail: {
      retry,
      handler: async () => {
        throw new TypeError("no luck");
      },
    },
    other: {
      retry,
      handler: async () => {
        throw new RangeError("too far");
      },
    },
  });
  api = await httpApi({ runtime });
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await runtime.stop();
});

test("failures are grouped by what made them fail, and a group is retried as a whole", async () => {
  const ids = [(await runtime.enqueue("fail")).id, (await runtime.enqueue("fail")).id];
  const { id: another } = await runtime.enqueue("other");
  await runtime.drain();
  const { data } = (await api.ask("/errors?task_type=fail")).body;
  expect(data).toEqual([
    expect.objectContaining({ task_type: "fail", error_name: "TypeError", count: 2 }),
  ]);
  expect((await api.ask("/errors?since=2090-01-01T00:00:00Z")).body.data).toEqual([]);
  const { fingerprint } = data[0];
  const listed = (await api.ask(`/tasks?fingerprint=${fingerprint}`)).body;
  expect(listed.data.map(({ id }: { id: string }) => id)).toEqual(ids.toReversed());

  const retry = (json: object) => api.ask(`/errors/${fingerprint}/retry`, { json });
  expect((await retry({ preview: true })).body.data).toEqual({
    fingerprint,
    preview: true,
    count: 2,
    results: {},
  });
  expect((await retry({})).body.data).toMatchObject({ count: 2, results: { due: 2 } });
  expect((await runtime.job(ids[0] ?? ""))?.state).toBe("pending");
  expect((await runtime.job(another))?.state).toBe("failed");
  expect(await retry({})).toMatchObject({
    status: 404,
    body: { error: { code: "unknown-fingerprint" } },
  });
});
