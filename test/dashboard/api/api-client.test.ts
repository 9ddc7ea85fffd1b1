import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ApiClient } from "../../../src/dashboard/api/api-client.ts";
import { ApiError } from "../../../src/dashboard/api/api-error.ts";

let server: Server;
let root: string;
let answer: readonly [status: number, body: string];
let asked: { method: string; url: string; headers: IncomingMessage["headers"]; body: string };
let signedOut: number;
let api: ApiClient;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const { method = "", url = "", headers } = request;
    asked = { method, url, headers, body: await text(request) };
    response.writeHead(answer[0], { "content-type": "application/json" }).end(answer[1]);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // why: it listens on a port
  root = `http://127.0.0.1:${(server.address() as AddressInfo).port}/app/jobs/`;
});
afterAll(() => server.close());
beforeEach(() => {
  signedOut = 0;
  answer = [200, '{"success":true,"data":[1],"next_cursor":"7"}'];
  api = new ApiClient({
    root,
    onSignedOut: () => {
      signedOut += 1;
    },
  });
});

test("addresses are beneath the prefix, and leave out what is empty", async () => {
  expect(await api.list("tasks", { status: "failed", queue: "", payload: ["a=1", "b=2"] })).toEqual(
    { rows: [1], nextCursor: "7", searchedTo: null },
  );
  expect(asked.url).toBe("/app/jobs/tasks?status=failed&payload=a%3D1&payload=b%3D2");
  expect(asked.headers["x-taskrun-request"]).toBeUndefined();
});

test("what changes something says so in a header that no other site can send", async () => {
  expect(await api.post("tasks", { task_type: "a" })).toEqual([1]);
  expect(asked).toMatchObject({ method: "POST", body: '{"task_type":"a"}' });
  expect(asked.headers["x-taskrun-request"]).toBe("1");
  await api.post("tasks/1/retry");
  expect(asked.body).toBe("");
  expect(asked.headers["content-type"]).toBeUndefined();
});

test("a refusal is thrown; one that asks who it is, is told", async () => {
  answer = [409, '{"success":false,"error":{"detail":"No.","code":"wrong-job-state"}}'];
  await expect(api.get("tasks")).rejects.toMatchObject({ message: "No.", status: 409 });
  expect(signedOut).toBe(0);
  answer = [401, '{"success":false,"error":{"detail":"Who?","code":"no-token"}}'];
  await expect(api.get("tasks")).rejects.toBeInstanceOf(ApiError);
  expect(signedOut).toBe(1);
});

test("a proxy's page in the place of an answer is an error", async () => {
  answer = [200, "<html>"];
  await expect(api.get("tasks")).rejects.toMatchObject({ code: "unknown" });
});

test("no answer at all says that", async () => {
  const nobody = new ApiClient({ root: "http://127.0.0.1:9/", onSignedOut: () => {} });
  await expect(nobody.get("tasks")).rejects.toMatchObject({ status: 0, code: "no-answer" });
});
