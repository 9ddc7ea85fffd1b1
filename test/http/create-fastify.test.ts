/** What holds for every call: limits, one shape of errors, headers, health. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Gatekeeper } from "../../src/http/gatekeeper.ts";
import { type HttpApi, httpApi, schemas } from "../support/http-api.ts";

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
  [
    "a body of 10,000 levels",
    422,
    "body-too-deep",
    { body: `{"task_type":"any","payload":${"[".repeat(1e4)}${"]".repeat(1e4)}}`, headers: json },
  ],
  ["100,000 open brackets", 422, "body-too-deep", { body: "[".repeat(100_000), headers: json }],
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

test("a payload of as many levels as any job may have is taken, also with a key", async () => {
  const payload = `${"[".repeat(1_000)}${"]".repeat(1_000)}`;
  const reply = await api.ask("/tasks", {
    method: "POST",
    token,
    body: `{"task_type":"any","payload":${payload}}`,
    headers: { ...json, "idempotency-key": "deep" },
  });
  expect(reply.status).toBe(201);
});

test.each([
  "/tasks?task_type=%00",
  "/tasks?payload=a%3D%00",
  "/tasks/stats?task_type=%00",
  "/tasks/1/logs?attempt=3000000000",
  "/tasks?since=0000-01-01T00:00:00Z",
  "/tasks?until=9999-12-31T23:59:59-23:59",
  "/errors?cursor=1-9999999999999999999",
])("%s is what the caller should mend, and no fault of ours", async (path) => {
  expect((await api.ask(path, { token })).status).toBe(400);
});

test.each([
  ["/crontab/%00/resume", {}, 400, "bad-request"],
  ["/errors/%00/retry", {}, 400, "bad-request"],
  ["/pause", { task_type: "\0" }, 422, "bad-body"],
  ["/pause", { queue: "x", reason: "\0" }, 422, "bad-body"],
  ["/tasks/bulk", { operation: "cancel", filter: { task_type: "\0" } }, 422, "bad-body"],
  [
    "/tasks/bulk",
    { operation: "cancel", filter: { since: "0000-01-01T00:00:00Z" } },
    422,
    "bad-body",
  ],
  ["/tasks", { task_type: "any", after: ["999999999999999999"] }, 422, "bad-enqueue-option"],
])("%s with %j is what the caller should mend, too", async (path, body, status, code) => {
  const reply = await api.ask(path, { token, json: body });
  expect([reply.status, reply.body.error.code]).toEqual([status, code]);
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
  const last = () => {
    const lines = api.logged.map((line) => JSON.parse(line));
    return lines.findLast(({ msg }) => msg === "answered");
  };
  // It is written when the answer has been sent, which may have been read by then.
  await expect
    .poll(last)
    .toMatchObject({ method: "GET", path: "/tasks", status: 200, token: "token-1" });
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

test("what was stored as a script is text in JSON, wherever it comes back", async () => {
  const evil = "<script>alert(1)</script><img src=x onerror=alert(2)>";
  const created = await api.ask("/tasks", {
    token,
    json: {
      task_type: "any",
      payload: { [evil]: evil },
      metadata: { a: evil },
      correlation_id: evil,
      queue: evil,
      key: evil,
    },
  });
  const { id } = created.body.data;
  for (const path of [
    `/tasks/${id}`,
    `/tasks?queue=${encodeURIComponent(evil)}`,
    `/tasks?status=${encodeURIComponent(evil)}`,
    `/${encodeURIComponent(evil)}`,
    `/errors?task_type=${encodeURIComponent(evil)}`,
  ]) {
    const { headers } = await api.ask(path, { token });
    expect(headers.get("content-type"), path).toMatch(/^application\/json/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'none'; frame-ancestors 'none'",
    );
  }
  expect((await api.ask(`/tasks/${id}`, { token })).body.data).toMatchObject({
    payload: { [evil]: evil },
    queue: evil,
  });
});

test("a wrong token takes as long as another, however much of it is right", async () => {
  // Of a server that counts no failed logins: each wrong token is looked up.
  const right = await api.token();
  const hash = (text: string) => createHash("sha256").update(text).digest("hex");
  const near = `${right.slice(0, -1)}${right.endsWith("A") ? "B" : "A"}`;
  // What is compared are hashes, of which nothing is alike however alike the tokens are.
  expect(sharedStart(hash(near), hash(right))).toBeLessThan(8);
  const gate = new Gatekeeper({ db: api.db, schemas, logger: pino({ level: "silent" }) });
  const time = async (token: string, n: number): Promise<number> => {
    const from = performance.now();
    await gate.checkToken(token, `address ${n}`).catch(() => {});
    return performance.now() - from;
  };
  const times: Record<"near" | "far", number[]> = { near: [], far: [] };
  for (let n = 0; n < 300; n += 1) {
    times.near.push(await time(near, n));
    times.far.push(await time(`taskrun_${"x".repeat(right.length - 8)}`, n));
  }
  const median = (all: number[]) => all.toSorted((a, b) => a - b)[all.length / 2] ?? 0;
  const [a, b] = [median(times.near), median(times.far)];
  expect(Math.max(a, b) / Math.min(a, b)).toBeLessThan(1.5);
});

function sharedStart(a: string, b: string): number {
  return [...a].findIndex((character, at) => character !== b[at]);
}

test("a body in pieces without an end is refused at a megabyte, compressed ones are not read", async () => {
  const { port } = new URL(api.url);
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const chunked = request({ port, host: "127.0.0.1", path: "/tasks", method: "POST", headers });
  chunked.on("error", () => {});
  const answered = once(chunked, "response");
  chunked.write('{"task_type":"');
  for (let n = 0; n < 80; n += 1) chunked.write("x".repeat(65_536));
  const [response] = await answered;
  expect(response.statusCode).toBe(413);
  chunked.destroy();
  const zipped = gzipSync("x".repeat(5_000_000));
  const reply = await api.ask("/tasks", {
    method: "POST",
    token,
    headers: { ...json, "content-encoding": "gzip" },
    body: new Uint8Array(zipped),
  });
  expect(reply.status).toBe(400);
});

test("many who send a byte now and then keep nobody else waiting, and are cut off", async () => {
  const port = Number(new URL(api.url).port);
  const closed: Promise<void>[] = [];
  const sockets = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const socket = connect(port, "127.0.0.1");
      // A byte that comes too late is answered with an error: that is a way to be cut off too.
      socket.on("error", () => {});
      closed.push(new Promise((resolve) => socket.once("close", () => resolve())));
      await once(socket, "connect");
      socket.write("GET /tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ");
      return socket;
    }),
  );
  const drip = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write("a");
  }, 500);
  for (const socket of sockets) socket.resume();
  expect((await api.ask("/tasks", { token })).status).toBe(200);
  await Promise.all(closed);
  clearInterval(drip);
});
