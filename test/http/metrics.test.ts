import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { type HttpApi, httpApi } from "../support/http-api.ts";
import { testRuntime } from "../support/test-runtime.ts";

let runtime: TestRuntime;
let api: HttpApi;
let token: string;

beforeAll(async () => {
  runtime = await testRuntime({
    greet: async () => 1,
    fail: {
      retry: { maxAttempts: 1 },
      handler: async () => {
        throw new Error("no luck");
      },
    },
  });
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await runtime.stop();
});

const read = async () => {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${api.url}/metrics`, { headers })).text();
};

test("attempts are counted as they end, jobs as they are", async () => {
  const process = runtime.createRuntime();
  api = await httpApi({ runtime, events: process.events });
  await runtime.enqueue("greet");
  await runtime.enqueue("fail");
  await runtime.enqueue("greet", {}, { delay: "1h" });
  await process.start();
  await expect.poll(read).toContain('taskrun_attempts_total{task="fail",state="failed"} 1');
  await expect.poll(read).toContain('taskrun_attempts_total{task="greet",state="completed"} 1');
  await process.stop();
  const text = await read();
  expect(text).toContain(
    'taskrun_attempt_duration_seconds_count{task="greet",state="completed"} 1',
  );
  expect(text).toContain('taskrun_attempt_wait_seconds_bucket{le="1800",');
  expect(text).toMatch(/^taskrun_event_loop_lag_seconds [\d.]+$/m);
  expect(text).toMatch(/^taskrun_resident_memory_bytes \d{7,}$/m);
  expect(text).toMatch(/^taskrun_http_pool_connections\{state="awaited"\} 0$/m);
  // Asked of the database at most every five seconds.
  await expect
    .poll(read, { timeout: 20_000, interval: 500 })
    .toContain('taskrun_jobs{task="fail",state="failed"} 1');
  expect(await read()).toContain('taskrun_jobs{task="greet",state="scheduled"} 1');
});

test("they need a token that may read, once there is a token", async () => {
  token = await api.token(["read"]);
  expect((await api.ask("/metrics")).status).toBe(401);
  expect((await api.ask("/metrics", { token: await api.token(["enqueue"]) })).status).toBe(403);
  expect(await read()).toContain("# HELP taskrun_jobs ");
});
