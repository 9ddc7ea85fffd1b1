/** What holds for every call: limits, one shape of errors, headers, health. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { type HttpApi, httpApi } from "../support/http-api.ts";

let api: HttpApi;
let token: string;

beforeAll(async () => {
  api = await httpApi({ tasks: { any: async () => 1 } });
  token = await api.token();
});
afterAll(() => api[Symbol.asyncDispose]());

const json = { "content-type": "application/json" };

test.each([
  ["a body above 1 MB", 413, "body-too-large", { body: "x".repeat(1_100_000), headers: json }],
  ["a body of 10 MB", 413, "body-too-large", { body: "x".repeat(10_000_000), headers: json }],
  ["broken JSON", 400, "bad-json", { body: '{"task_type":', headers: json }],
  ["a poisoned prototype", 400, "bad-json", { body: '{"__proto__":{"a":1}}', headers: json }],
  [
    "plain text",
    415,
    "wrong-content-type",
    { body: "a", headers: { "content-type": "text/plain" } },
  ],
  [
    "a form",
    415,
    "wrong-content-type",
    { body: "a=1", headers: { "content-type": "application/x-www-form-urlencoded" } },
  ],
  ["a list", 422, "bad-body", { body: "[]", headers: json }],
  ["nothing", 422, "bad-body", { headers: json }],
] as const)("%s is answered with %i", async (_, status, code, init) => {
  const reply = await api.ask("/tasks", { method: "POST", token, ...init });
  expect(reply.status).toBe(status);
  expect(reply.body).toMatchObject({
    success: false,
    error: {
      type: `urn:taskrun:error:${code}`,
      title: expect.any(String),
      status,
      detail: expect.any(String),
      instance: "/tasks",
      code,
    },
  });
});

test("an unknown address is answered in the same shape", async () => {
  const { status, body } = await api.ask("/task?x=1", { token });
  expect(status).toBe(404);
  expect(body.error).toMatchObject({ code: "no-such-route", instance: "/task" });
  expect((await api.ask("/%zz", { token })).body).toMatchObject({
    success: false,
    error: { status: 400 },
  });
});

test("answers are never kept, sniffed or framed", async () => {
  for (const path of ["/tasks", "/nowhere", "/healthz"]) {
    const { headers } = await api.ask(path, { token });
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(headers.get("content-type")).toContain("application/json");
  }
});

test("a fault of our own tells the caller nothing, and the log all", async () => {
  await api.db.query("alter table taskrun.pauses rename column paused_by to renamed");
  const { status, body } = await api.ask("/pause", { token, json: { all: true } });
  await api.db.query("alter table taskrun.pauses rename column renamed to paused_by");
  expect(status).toBe(500);
  expect(body.error).toMatchObject({ code: "internal" });
  expect(JSON.stringify(body)).not.toContain("paused_by");
  expect(api.logged.some((line) => line.includes("paused_by"))).toBe(true);
});

test("each answer is one line of the debug log, with the token's name", async () => {
  await api.ask("/tasks?limit=3", { token });
  const lines = api.logged.map((line) => JSON.parse(line));
  expect(lines.findLast(({ msg }) => msg === "answered")).toMatchObject({
    method: "GET",
    path: "/tasks",
    status: 200,
    token: "token-1",
  });
});

test("health is told to anybody", async () => {
  expect(await api.ask("/healthz")).toMatchObject({ status: 200, body: { data: { live: true } } });
  // A loaded machine is late, and says so for up to twenty seconds.
  await expect
    .poll(() => api.ask("/readyz"), { timeout: 40_000, interval: 500 })
    .toMatchObject({
      status: 200,
      body: { success: true, data: { ready: true, checks: { database: { ok: true } } } },
    });
});
