/** The dashboard's files over HTTP, beneath a prefix too; no path leads out of them. */

import { once } from "node:events";
import { existsSync } from "node:fs";
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type HttpApi, httpApi } from "../support/http-api.ts";

let api: HttpApi;
beforeAll(async () => {
  api = await httpApi();
  await api.token();
});
afterAll(() => api[Symbol.asyncDispose]());

const isBuilt = existsSync(new URL("../../dist/dashboard/index.html", import.meta.url));

const ask = (url: string, headers = {}) => fetch(url, { headers, redirect: "manual" });

test("browsers are led to it, programs are told where it is", async () => {
  const reply = await ask(`${api.url}/`, { accept: "text/html,*/*" });
  expect([reply.status, reply.headers.get("location")]).toEqual([303, "/ui/"]);
  expect((await ask(`${api.url}/ui`)).headers.get("location")).toBe("/ui/");
  expect(await api.ask("/")).toMatchObject({
    status: 404,
    body: { error: { code: "no-such-route" } },
  });
});

test("it is served without a token, with a strict policy, and once only", async () => {
  const reply = await ask(`${api.url}/ui/`);
  expect(reply.status).toBe(isBuilt ? 200 : 404);
  if (!isBuilt) {
    expect(await reply.json()).toMatchObject({ error: { code: "no-dashboard" } });
    return;
  }
  expect(reply.headers.get("content-security-policy")).toContain("script-src 'self'");
  expect(reply.headers.get("content-type")).toContain("text/html");
  const etag = reply.headers.get("etag") ?? "";
  expect((await ask(`${api.url}/ui/`, { "if-none-match": etag })).status).toBe(304);
});

test.each([
  "/ui/../package.json",
  "/ui/..%2f..%2fpackage.json",
  "/ui/%2e%2e/%2e%2e/package.json",
  "/ui/..%5c..%5cpackage.json",
  "/ui//etc/passwd",
  "/ui/index.html%00.js",
  "/ui/assets/..%2findex.html",
])("%s leads nowhere", async (path) => {
  const { port } = new URL(api.url);
  // As it is: fetch would tidy the path up.
  const asked = request({ host: "127.0.0.1", port, path });
  asked.end();
  const [response] = await once(asked, "response");
  let text = "";
  for await (const chunk of response) text += chunk;
  expect([400, 401, 404]).toContain(response.statusCode);
  expect(JSON.parse(text)).toMatchObject({ success: false });
});

test("all of it works beneath a prefix, also one that a trusted proxy takes off", async () => {
  await using beneath = await httpApi({
    tasks: { any: async () => 1 },
    config: { httpPrefix: "/jobs", httpTrustProxy: ["loopback"] },
  });
  const token = await beneath.token();
  expect(beneath.url).toMatch(/\/jobs$/);
  expect((await beneath.ask("/tasks", { token })).status).toBe(200);
  expect((await ask(beneath.url, { accept: "text/html" })).headers.get("location")).toBe(
    "/jobs/ui/",
  );
  const outside = await ask(new URL("/tasks", beneath.url).href);
  expect([outside.status, await outside.json()]).toMatchObject([404, { success: false }]);
  const forwarded = { "x-forwarded-prefix": "/ops/", "x-forwarded-proto": "https" };
  const made = await beneath.ask("/tasks", {
    token,
    json: { task_type: "any" },
    headers: forwarded,
  });
  expect(made.headers.get("location")).toBe(`/ops/jobs/tasks/${made.body.data.id}`);
  const signed = await beneath.ask("/session", { json: { token }, headers: forwarded });
  expect(signed.headers.get("set-cookie")).toMatch(/Path=\/ops\/jobs; .*; Secure$/);
});

test("a proxy that is not trusted is not believed", async () => {
  await using other = await httpApi({ tasks: { any: async () => 1 } });
  const headers = { "x-forwarded-prefix": "/evil", "x-forwarded-proto": "https" };
  const made = await other.ask("/tasks", { json: { task_type: "any" }, headers });
  expect(made.headers.get("location")).toBe(`/tasks/${made.body.data.id}`);
});
