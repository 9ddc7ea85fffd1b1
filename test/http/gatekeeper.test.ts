/** Who is let in: every route with no token, a wrong one, an expired one, one for other things. */

import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allRoutes, ownRoutes } from "../../src/http/routes/all-routes.ts";
import { revokeToken, tokenScopes } from "../../src/store/tokens.ts";
import { type HttpApi, httpApi, schemas } from "../support/http-api.ts";

const routes = [...allRoutes, ...ownRoutes]
  .filter(({ scope }) => scope !== "none")
  .map((route) => ({ ...route, url: route.path.replace(/:\w+/, "1") }));

let api: HttpApi;
let all: string;

beforeAll(async () => {
  api = await httpApi();
  all = await api.token();
});
afterAll(() => api[Symbol.asyncDispose]());

describe.each(routes)("$method $path", ({ method, url, scope }) => {
  test("is refused without a token", async () => {
    const { status, body, headers } = await api.ask(url, { method });
    expect(status).toBe(401);
    expect(headers.get("www-authenticate")).toBe("Bearer");
    expect(body).toMatchObject({ success: false, error: { code: "no-token", status: 401 } });
  });

  test.skipIf(scope === "any")(`is refused to a token that may all but ${scope}`, async () => {
    const token = await api.token(tokenScopes.filter((one) => one !== scope));
    const { status, body, headers } = await api.ask(url, { method, token });
    expect(status).toBe(403);
    expect(body.error).toMatchObject({ code: "wrong-scope", detail: expect.any(String) });
    expect(headers.get("www-authenticate")).toContain(`scope="${scope}"`);
  });

  test("is open to a token with its scope alone", async () => {
    const token = await api.token(tokenScopes.filter((one) => one === scope || scope === "any"));
    const { status } = await api.ask(url, { method, token });
    expect([401, 403, 429, 500, 503]).not.toContain(status);
  });
});

describe("another server, whose failed logins are counted anew", () => {
  test("an expired and a revoked token are refused as what they are, everywhere", async () => {
    await using other = await httpApi();
    const expired = await other.token(["read"], 1);
    const revoked = await other.token(["read"]);
    await revokeToken(other.db, schemas, "token-2");
    await expect.poll(async () => (await other.ask("/tasks", { token: expired })).status).toBe(401);
    expect(await other.ask("/tasks", { token: expired })).toMatchObject({
      body: { error: { code: "token-expired" } },
    });
    expect(await other.ask("/tasks", { token: revoked })).toMatchObject({
      status: 401,
      body: { error: { code: "token-revoked" } },
    });
  });

  test("after ten wrong tokens an address has to wait, but not with a token that was right", async () => {
    await using other = await httpApi();
    const known = await other.token();
    const unseen = await other.token();
    expect((await other.ask("/tasks", { token: known })).status).toBe(200);
    for (let n = 0; n < 10; n += 1) {
      expect((await other.ask("/tasks", { token: `wrong-${n}` })).status).toBe(401);
    }
    const { status, headers, body } = await other.ask("/tasks", { token: "wrong-11" });
    expect(status).toBe(429);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    expect(body.error.code).toBe("too-many-wrong-tokens");
    expect((await other.ask("/tasks", { token: unseen })).status).toBe(429);
    expect((await other.ask("/tasks", { token: known })).status).toBe(200);
  });
});

test("an expired token is refused on every route", async () => {
  // Few enough for one server, which counts failed logins.
  for (let from = 0; from < routes.length; from += 8) {
    const some = routes.slice(from, from + 8);
    await using other = await httpApi();
    const expired = await other.token(tokenScopes, 1);
    await expect.poll(() => isOver(other)).toBe(true);
    for (const { method, url } of some) {
      const { status, body } = await other.ask(url, { method, token: expired });
      expect([status, body.error.code], url).toEqual([401, "token-expired"]);
    }
  }
});

async function isOver({ db }: HttpApi): Promise<boolean> {
  const { rows } = await db.query("select bool_and(expires_at < now()) as x from taskrun.tokens");
  return rows[0].x;
}

test("what is no bearer token is refused without asking the database", async () => {
  for (const authorization of ["Basic YTpi", "Bearer", "Bearer a b", `Bearer ${"x".repeat(300)}`]) {
    const { status, body } = await api.ask("/tasks", { headers: { authorization } });
    expect([status, body.error.code]).toEqual([401, "wrong-token"]);
  }
});

test("a token in the address is refused, even a right one", async () => {
  for (const name of ["token", "access_token", "ACCESS_TOKEN", "api_key"]) {
    const { status, body } = await api.ask(`/tasks?${name}=${all}`, { token: all });
    expect([status, body.error.code]).toEqual([400, "token-in-url"]);
    expect(JSON.stringify(body)).not.toContain(all);
  }
  expect(api.logged.join("")).not.toContain(all);
});

test("without a known path a token is needed all the same", async () => {
  expect((await api.ask("/nowhere")).status).toBe(401);
  expect((await api.ask("/../../etc/passwd", { token: all })).status).toBe(404);
  expect((await api.ask("/tasks/%2e%2e%2f%2e%2e%2fetc%2fpasswd", { token: all })).status).toBe(404);
});

test("no other site may read an answer: there is no CORS", async () => {
  const { headers } = await api.ask("/tasks", {
    token: all,
    headers: { origin: "https://elsewhere.example" },
  });
  expect(headers.get("access-control-allow-origin")).toBeNull();
  const preflight = await api.ask("/tasks", {
    method: "OPTIONS",
    headers: { origin: "https://elsewhere.example", "access-control-request-method": "POST" },
  });
  expect(preflight.status).toBe(401);
});

test("a wrong token is noted in the log, without the token", async () => {
  await api.ask("/tasks", { token: "taskrun_guess" });
  const line = api.logged.find((one) => one.includes("wrong token")) ?? "";
  expect(JSON.parse(line)).toMatchObject({ level: 40, address: "127.0.0.1" });
  expect(api.logged.join("")).not.toContain("taskrun_guess");
});

test("what is not HTTP is refused in the same shape", async () => {
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
  await once(socket, "connect");
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  socket.write("no HTTP at all\r\n\r\n");
  await once(socket, "close");
  expect(text).toMatch(/^HTTP\/1.1 400 /);
  expect(JSON.parse(text.split("\r\n\r\n")[1] ?? "")).toMatchObject({ success: false });
});

test("without a token, nobody is let in whom a trusted proxy brings from elsewhere", async () => {
  await using open = await httpApi({ config: { httpTrustProxy: ["loopback"] } });
  const statusFor = async (headers: Record<string, string>) =>
    (await open.ask("/tasks", { headers })).status;
  expect(await statusFor({})).toBe(200);
  expect(await statusFor({ "x-forwarded-for": "127.0.0.1" })).toBe(200);
  expect(await statusFor({ "x-forwarded-for": "203.0.113.9" })).toBe(403);
  expect(await statusFor({ "x-forwarded-host": "jobs.example" })).toBe(403);
});
