/** The stream over HTTP: its headers, what it needs, what becomes of it when the server stops. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { type HttpApi, httpApi } from "../support/http-api.ts";

let api: HttpApi;
let token: string;

beforeAll(async () => {
  api = await httpApi({ tasks: { any: async () => 1 } });
  token = await api.token();
});
afterAll(() => api[Symbol.asyncDispose]());

const watch = (query = "", as = token, { url } = api) =>
  fetch(`${url}/events${query}`, { headers: { authorization: `Bearer ${as}` } });

test("it needs a token that may read, and known parameters", async () => {
  expect((await api.ask("/events")).status).toBe(401);
  const other = await api.token(["enqueue", "operate"]);
  expect((await api.ask("/events", { token: other })).status).toBe(403);
  expect((await api.ask("/events?task=x", { token })).status).toBe(400);
});

test("a new task is told to whoever watches, in time", async () => {
  const reply = await watch("?task_type=any");
  expect(reply.headers.get("content-type")).toBe("text/event-stream");
  expect(reply.headers.get("cache-control")).toBe("no-store");
  const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
  const added: Promise<unknown>[] = [];
  const adding = setInterval(() => {
    added.push(api.ask("/tasks", { token, json: { task_type: "any" } }));
  }, 200);
  let text = "";
  const isWhole = () => text.includes('"status":"pending"') && text.endsWith("\n\n");
  while (!isWhole()) text += (await reader?.read())?.value ?? "";
  clearInterval(adding);
  await Promise.all(added);
  expect(text).toMatch(/^retry: 2000\n\n(id: \d+-\d+\nevent: job\ndata: \{.*\}\n\n)+$/);
  await reader?.cancel();
});

test("of two hundred idle clients a hundred are served, and others are answered meanwhile", async () => {
  // A server of their own: the stream of a client that has gone may be counted a moment longer.
  await using other = await httpApi();
  const tokens = await Promise.all(Array.from({ length: 20 }, () => other.token(["read"])));
  const replies = await Promise.all(
    Array.from({ length: 200 }, (_, n) => watch("", tokens[n % tokens.length], other)),
  );
  const count = (status: number) => replies.filter((reply) => reply.status === status).length;
  expect(count(200)).toBe(100);
  expect(count(200) + count(503) + count(429)).toBe(200);
  const [first] = tokens;
  expect((await other.ask("/tasks?limit=1", { token: first! })).status).toBe(200);
  await Promise.all(replies.map((reply) => reply.body?.cancel()));
  await expect
    .poll(async () => {
      const reply = await watch("", first, other);
      await reply.body?.cancel();
      return reply.status;
    })
    .toBe(200);
});

test("asking for the headers alone begins no stream, which nobody would end", async () => {
  await using other = await httpApi();
  const ask = async (method: string) => {
    const reply = await fetch(`${other.url}/events`, { method });
    await reply.body?.cancel();
    return reply.status;
  };
  for (let n = 0; n < 11; n += 1) expect(await ask("HEAD")).toBe(404);
  expect(await ask("GET")).toBe(200);
});

test("a server that stops ends the streams", async () => {
  await using other = await httpApi();
  const reply = await fetch(`${other.url}/events`);
  const whole = reply.text();
  await other.server.close();
  expect(await whole).toContain("retry: 2000");
});
