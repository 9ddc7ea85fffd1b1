import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { type HttpApi, httpApi } from "../../support/http-api.ts";
import { testRuntime } from "../../support/test-runtime.ts";

let runtime: TestRuntime;
let api: HttpApi;

const crontab = `# Everything that is old
0 4 * * * tidy/up ?id=nightly&tz=Europe/Paris {"deep":true,"key":"s3cr3t"}
*/10 * * * * ping
`;

beforeAll(async () => {
  runtime = await testRuntime({
    "tidy/up": { redact: ["$.key"], handler: async () => 1 },
    ping: async () => 2,
  });
  api = await httpApi({ runtime, crontab });
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await runtime.stop();
});

const lines = async () => (await api.ask("/crontab")).body.data;

test("lines are told in plain words, with their next runs", async () => {
  expect(await lines()).toEqual([
    {
      identifier: "nightly",
      task_type: "tidy/up",
      schedule: "0 4 * * *",
      words: "every day at 04:00 Europe/Paris",
      time_zone: "Europe/Paris",
      payload: { deep: true, key: "[secret]" },
      comment: "Everything that is old",
      line: 2,
      next_runs: Array(5).fill(expect.stringMatching(/:00:00\.000Z$/)),
      last_tick: null,
      last_run: null,
      paused: false,
      paused_by: null,
    },
    expect.objectContaining({ identifier: "ping", words: "every 10 minutes" }),
  ]);
});

test("a line is run now, and that is its last run", async () => {
  const { status, headers, body } = await api.ask("/crontab/nightly/run-now", { method: "POST" });
  expect([status, headers.get("location")]).toEqual([201, `/tasks/${body.data.id}`]);
  expect(body.data).toMatchObject({ task_type: "tidy/up", status: "pending" });
  expect((await runtime.job(body.data.id))?.payload).toMatchObject({ deep: true });
  await runtime.drain();
  const [line] = await lines();
  expect(line.last_run).toMatchObject({ id: body.data.id, status: "completed" });
  expect(line.last_tick).toBeNull();
});

test("a line is paused and resumed for everybody", async () => {
  const paused = await api.ask("/crontab/ping/pause", { json: { reason: "a test" } });
  expect(paused.body.data).toEqual({ identifier: "ping", paused: true });
  expect((await lines())[1]).toMatchObject({ paused: true, paused_by: "the HTTP API" });
  const resume = () => api.ask("/crontab/ping/resume", { method: "POST" });
  expect((await resume()).body.data).toMatchObject({ paused: false, was_paused: true });
  expect((await resume()).body.data).toMatchObject({ was_paused: false });
  expect((await lines())[1]).toMatchObject({ paused: false, paused_by: null });
});

test("an unknown line is refused, and the one that was meant is named", async () => {
  const { status, body } = await api.ask("/crontab/nigthly/run-now", { method: "POST" });
  expect(status).toBe(404);
  expect(body.error).toMatchObject({
    code: "unknown-cron-line",
    next_step: "Did you mean nightly?",
  });
});
