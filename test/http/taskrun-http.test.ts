/** Inside another application, which says who asks: as a plugin, and from Request to Response. */

import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import fastify from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createTaskrunHandler,
  type HostCaller,
  type TaskrunHandler,
  taskrunHttp,
} from "../../src/http/index.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../support/test-runtime.ts";

let runtime: TestRuntime;
beforeAll(async () => {
  runtime = await testRuntime({ greet: async () => 1 });
  const process = runtime.createRuntime();
  const published = new Promise((resolve) => process.events.once("tasks:published", resolve));
  await process.start();
  await published;
  await process.stop();
});
afterAll(() => runtime.stop());

const people: Readonly<Record<string, HostCaller>> = {
  ada: { name: "ada", scopes: ["enqueue", "read", "operate"] },
  bob: { name: "bob", scopes: ["read"] },
};
const find = (name: unknown): HostCaller | null => people[String(name)] ?? null;

describe("as a plugin of Fastify's", () => {
  const app = fastify();
  let url: string;
  beforeAll(async () => {
    app.get("/", async () => "the application");
    await app.register(taskrunHttp, {
      prefix: "/jobs",
      connection: runtime.connectionString,
      authorize: (request) => find(request.headers["x-user"]),
    });
    url = await app.listen({ port: 0, host: "127.0.0.1" });
  });
  afterAll(() => app.close());

  const ask = (path: string, user: string, init: RequestInit = {}) =>
    fetch(`${url}${path}`, {
      ...init,
      headers: { "x-user": user, ...(init.headers as Record<string, string>) }, // why: the tests' own
    });
  const json = { "content-type": "application/json" };
  const create = (user: string, headers: object = {}) =>
    ask("/jobs/tasks", user, {
      method: "POST",
      headers: { ...json, ...headers },
      body: '{"task_type":"greet"}',
    });

  test("the application's word decides who may what", async () => {
    expect((await ask("/jobs/tasks", "eve")).status).toBe(401);
    expect((await create("bob")).status).toBe(403);
    const created = await create("ada");
    expect(created.status).toBe(201);
    const location = created.headers.get("location") ?? "";
    expect(location).toMatch(/^\/jobs\/tasks\/\d+$/);
    expect(await (await ask(location, "bob")).json()).toMatchObject({
      data: { created_by: "ada" },
    });
    const who = await (await ask("/jobs/session", "bob")).json();
    expect(who).toMatchObject({ data: { name: "bob", needs_token: true } });
    expect((await ask("/jobs/auth/login", "ada", { method: "POST" })).status).toBe(404);
  });

  test("a page of another site can't use what lets a browser in", async () => {
    const cookie = "session=x";
    expect((await create("ada", { cookie })).status).toBe(403);
    expect((await create("ada", { cookie, "x-taskrun-request": "1" })).status).toBe(201);
  });

  test("nor the password that it keeps", async () => {
    const authorization = "Basic YWRhOng=";
    const origin = "https://evil.example";
    expect((await create("ada", { authorization, origin })).status).toBe(403);
    expect((await create("ada", { authorization, origin: url })).status).toBe(201);
    expect((await create("ada", { authorization })).status).toBe(201);
    // No browser sends this one by itself: the application may let in whom it likes.
    expect((await create("ada", { authorization: "Bearer x", origin })).status).toBe(201);
  });

  test("the application's own answers are as they were", async () => {
    const reply = await fetch(url);
    expect(await reply.text()).toBe("the application");
    expect(reply.headers.get("content-security-policy")).toBeNull();
    expect(await (await fetch(`${url}/nowhere`)).json()).toMatchObject({ statusCode: 404 });
    expect(await (await ask("/jobs/nowhere", "ada")).json()).toMatchObject({ success: false });
    const document = await (await fetch(`${url}/jobs/openapi.json`)).json();
    expect(document).toMatchObject({ servers: [{ url: "/jobs" }] });
  });
});

describe("from Request to Response", () => {
  let handle: TaskrunHandler;
  beforeAll(() => {
    handle = createTaskrunHandler({
      prefix: "/jobs",
      connection: runtime.connectionString,
      authorize: async (request) => find(request.headers.get("x-user")),
    });
  });
  afterAll(() => handle.close());

  const ask = (path: string, user: string, init: RequestInit = {}) =>
    handle(
      new Request(`https://app.example/jobs${path}`, {
        ...init,
        headers: { "x-user": user, "content-type": "application/json" },
      }),
    );

  test("a task is created, and looked at", async () => {
    const body = '{"task_type":"greet","payload":{"name":"Ada"}}';
    const created = await ask("/tasks", "ada", { method: "POST", body });
    expect([created.status, created.headers.get("content-type")]).toEqual([
      201,
      "application/json; charset=utf-8",
    ]);
    const location = created.headers.get("location")?.replace("/jobs", "") ?? "";
    expect(await (await ask(location, "bob")).json()).toMatchObject({
      data: { created_by: "ada", payload: { name: "Ada" } },
    });
    expect((await ask("/tasks", "eve")).status).toBe(401);
    expect((await ask("/tasks", "bob", { method: "POST", body })).status).toBe(403);
    expect((await ask("/nowhere", "ada")).status).toBe(404);
  });

  test("requests at the same time are each asked for themselves", async () => {
    const users = ["ada", "eve", "bob", "eve", "ada", "bob"];
    const replies = await Promise.all(users.map((user) => ask("/session", user)));
    const names = replies.map(async (reply) => {
      const { data } = (await reply.json()) as { data?: { name: string } }; // why: as documented
      return data?.name ?? "eve";
    });
    expect(await Promise.all(names)).toEqual(users);
  });

  test("a body that is too large is refused", async () => {
    const body = `{"task_type":"${"x".repeat(3_000_000)}"}`;
    expect((await ask("/tasks", "ada", { method: "POST", body })).status).toBe(413);
  });

  test("Node's own server, or Express, hands a request over", async () => {
    // As Express does it: the path that it has matched is taken off.
    const server = createServer((request, response) => {
      const { url = "" } = request;
      Object.assign(request, { originalUrl: url, url: url.replace("/jobs", "") });
      handle.listener(request, response);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    // why: a server that listens on a port has an address with it
    const { port } = server.address() as AddressInfo;
    const call = (user: string) =>
      fetch(`http://127.0.0.1:${port}/jobs/tasks`, {
        method: "POST",
        headers: { "x-user": user, "content-type": "application/json" },
        body: '{"task_type":"greet"}',
      });
    const replies = [await call("ada"), await call("bob"), await call("eve")];
    expect(replies.map(({ status }) => status)).toEqual([201, 403, 401]);
    server.closeAllConnections();
    server.close();
  });

  test("what no Request can be is refused, and the application lives on", async () => {
    const server = createServer(handle.listener);
    await once(server.listen(0, "127.0.0.1"), "listening");
    // why: a server that listens on a port has an address with it
    const { port } = server.address() as AddressInfo;
    const statusOf = async (request: string, host = "app.example") => {
      const socket = connect(port, "127.0.0.1");
      socket.end(`${request} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      return (await text(socket)).split(" ")[1];
    };
    expect(await statusOf("TRACE /jobs/tasks")).toBe("400");
    expect(await statusOf("GET /jobs/tasks", "[")).toBe("400");
    expect(await statusOf("GET /jobs/tasks", "user:password@app.example")).toBe("400");
    expect(await statusOf("GET //")).toBe("404");
    expect(await statusOf("GET /jobs/healthz")).toBe("200");
    server.close();
  });

  test("changes are streamed until the reader goes", async () => {
    const reply = await ask("/events", "bob");
    expect(reply.headers.get("content-type")).toBe("text/event-stream");
    const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toContain("retry: 2000");
    await reader?.cancel();
    // Of one caller ten may watch: those that have gone don't count.
    for (let n = 0; n < 12; n += 1) {
      await expect
        .poll(async () => {
          const again = await ask("/events", "bob");
          await again.body?.cancel();
          return again.status;
        })
        .toBe(200);
    }
  });
});
