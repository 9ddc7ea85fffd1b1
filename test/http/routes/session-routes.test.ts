/** How a browser signs in, stays and goes; what its cookie is not good for. */

import { expect, test } from "vitest";
import { revokeToken } from "../../../src/store/tokens.ts";
import { type HttpApi, httpApi, type Reply, schemas } from "../../support/http-api.ts";

const ours = { "x-taskrun-request": "1" };

const cookieOf = ({ headers }: Reply): string => headers.get("set-cookie")?.split(";")[0] ?? "";

const signIn = (api: HttpApi, token: string) => api.ask("/session", { json: { token } });

test("a browser signs in with a token, and may what the token may", async () => {
  await using api = await httpApi({ tasks: { any: async () => 1 } });
  const token = await api.token(["read"]);
  const reply = await signIn(api, token);
  expect(reply.body).toEqual({ success: true, data: { signed_in: true } });
  expect(reply.headers.get("set-cookie")).toMatch(/; Path=\/; .*HttpOnly; SameSite=Strict$/);
  const cookie = cookieOf(reply);
  expect(cookie).not.toContain(token);
  const who = await api.ask("/session", { headers: { cookie } });
  expect(who.body.data).toEqual({ name: "token-1", scopes: ["read"], needs_token: true });
  const create = (headers: object) =>
    api.ask("/tasks", { json: { task_type: "any" }, headers: { cookie, ...headers } });
  expect((await create(ours)).body.error.code).toBe("wrong-scope");
  await revokeToken(api.db, schemas, "token-1");
  expect((await api.ask("/session", { headers: { cookie } })).body.error.code).toBe("session-over");
});

test("a page of another site can't use the cookie", async () => {
  await using api = await httpApi({ tasks: { any: async () => 1 } });
  const cookie = cookieOf(await signIn(api, await api.token()));
  const create = (headers: object) =>
    api.ask("/tasks", { json: { task_type: "any" }, headers: { cookie, ...headers } });
  expect((await create({})).body.error.code).toBe("wrong-origin");
  expect((await create({ ...ours, origin: "https://evil.example" })).status).toBe(403);
  expect((await create({ ...ours, origin: new URL(api.url).origin })).status).toBe(201);
});

test("signing out ends the session, not only the cookie", async () => {
  await using api = await httpApi();
  const cookie = cookieOf(await signIn(api, await api.token()));
  const out = await api.ask("/session", { method: "DELETE", headers: { cookie, ...ours } });
  expect(out.headers.get("set-cookie")).toContain("Max-Age=0");
  expect((await api.ask("/session", { headers: { cookie } })).status).toBe(401);
});

test("wrong tokens count here as everywhere", async () => {
  await using api = await httpApi();
  await api.token();
  for (let n = 0; n < 10; n += 1) expect((await signIn(api, `x${n}`)).status).toBe(401);
  expect((await signIn(api, "x11")).status).toBe(429);
});

test("the link of a terminal is good once, and for everything", async () => {
  await using api = await httpApi({ tasks: { any: async () => 1 } });
  await api.token();
  const first = api.server.newLink();
  const link = api.server.newLink();
  expect((await fetch(first, { redirect: "manual" })).status).toBe(401);
  // What only looks whether there is something doesn't use it up.
  expect((await fetch(link, { method: "HEAD", redirect: "manual" })).status).toBe(401);
  const reply = await fetch(link, { redirect: "manual" });
  expect([reply.status, reply.headers.get("location")]).toEqual([303, "/ui/"]);
  const cookie = reply.headers.get("set-cookie")?.split(";")[0] ?? "";
  expect((await fetch(link, { redirect: "manual" })).status).toBe(401);
  const who = await api.ask("/session", { headers: { cookie } });
  expect(who.body.data).toMatchObject({ name: null, scopes: ["enqueue", "read", "operate"] });
  const json = { task_type: "any" };
  expect((await api.ask("/tasks", { json, headers: { cookie, ...ours } })).status).toBe(201);
  expect(api.logged.join("")).not.toContain(new URL(link).searchParams.get("once"));
});

test("a session is over when its time is", async () => {
  await using api = await httpApi();
  const cookie = cookieOf(await signIn(api, await api.token()));
  await api.db.query("update taskrun.sessions set expires_at = now()");
  expect((await api.ask("/session", { headers: { cookie } })).status).toBe(401);
});

test("where no token is needed, everybody here is let in, and a cookie changes nothing", async () => {
  await using api = await httpApi();
  expect((await api.ask("/session")).body.data).toMatchObject({ name: null, needs_token: false });
  const headers = { cookie: "taskrun_session=taskrun_session_x" };
  expect((await api.ask("/session", { headers })).status).toBe(200);
});
