/** Accounts let in who is let in anyway, by name; and nobody once there is a token. */

import { once } from "node:events";
import { request } from "node:http";
import { expect, test } from "vitest";
import { httpApi } from "../../support/http-api.ts";

const account = { username: "test", email: "test@example.com", password: "password123" };
const login = { username_or_email: "test", password: "password123" };

test("the token of an account says who asked for a task", async () => {
  await using api = await httpApi({ tasks: { any: async () => 1 } });
  const made = await api.ask("/auth/register", { json: account });
  expect(made.status).toBe(201);
  expect(made.body.data).toMatchObject({ username: "test", email: "test@example.com" });
  expect(JSON.stringify(made.body)).not.toContain("password");
  expect((await api.ask("/auth/register", { json: account })).status).toBe(409);
  for (const name of ["test", "test@example.com"]) {
    const { body } = await api.ask("/auth/login", { json: { ...login, username_or_email: name } });
    const token = body.data.session_token;
    const created = await api.ask("/tasks", { token, json: { task_type: "any" } });
    const { data } = (await api.ask(`/tasks/${created.body.data.id}`, { token })).body;
    expect(data.created_by).toBe("test");
  }
  const { rows } = await api.db.query("select password_hash from taskrun.accounts");
  expect(rows[0].password_hash).toMatch(/^[0-9a-f]{32}\.[0-9a-f]{64}$/);
});

test("a wrong password and an unknown name are the same, and count", async () => {
  await using api = await httpApi();
  await api.ask("/auth/register", { json: account });
  const tryWith = (more: object) => api.ask("/auth/login", { json: { ...login, ...more } });
  const wrong = await tryWith({ password: "password124" });
  const unknown = await tryWith({ username_or_email: "nobody" });
  expect([wrong.status, wrong.body]).toEqual([401, unknown.body]);
  for (let n = 0; n < 8; n += 1) await tryWith({ password: `password-${n}` });
  expect((await tryWith({})).status).toBe(429);
});

test("with the first token, accounts and their sessions are over", async () => {
  await using api = await httpApi();
  await api.ask("/auth/register", { json: account });
  const session = (await api.ask("/auth/login", { json: login })).body.data.session_token;
  expect((await api.ask("/tasks", { token: session })).status).toBe(200);
  await api.token();
  expect((await api.ask("/tasks", { token: session })).status).toBe(401);
  const cookie = `taskrun_session=${session}`;
  expect((await api.ask("/tasks", { headers: { cookie } })).status).toBe(401);
  for (const [path, json] of [
    ["/auth/register", { ...account, username: "other", email: "o@example.com" }],
    ["/auth/login", login],
  ] as const) {
    expect((await api.ask(path, { json })).body.error.code).toBe("accounts-off");
  }
});

test("a session that is not known is refused, and other tokens are not looked at", async () => {
  await using api = await httpApi();
  expect((await api.ask("/tasks", { token: "taskrun_session_x" })).status).toBe(401);
  expect((await api.ask("/tasks", { token: "anything" })).status).toBe(200);
});

test("no other site may make or use an account", async () => {
  await using api = await httpApi();
  const asked = request(`${api.url}/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json", host: "evil.example" },
  });
  asked.end(JSON.stringify(account));
  const [response] = await once(asked, "response");
  response.resume();
  expect(response.statusCode).toBe(403);
});

test.each([
  [{ username: "a b" }, "$.username"],
  [{ password: "short" }, "$.password"],
  [{ email: "nothing" }, "$.email"],
])("%j is refused at %s", async (more, path) => {
  await using api = await httpApi();
  const { status, body } = await api.ask("/auth/register", { json: { ...account, ...more } });
  expect([status, body.error.issues[0].path]).toEqual([422, path]);
});
