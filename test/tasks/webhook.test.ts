/** What the example task webhook promises, against an HTTP server of its own. */

import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { runTask } from "taskrun/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import webhook from "../../tasks/webhook.ts";

let server: Server;
let url: string;
let requests: { method: string; path: string; headers: IncomingMessage["headers"]; body: string }[];
let answer: RequestListener;

beforeEach(async () => {
  vi.stubEnv("WEBHOOK_SECRET", undefined);
  vi.stubEnv("WEBHOOK_HOSTS", undefined);
  requests = [];
  answer = (_request, response) => response.end("thanks");
  server = createServer(async (request, response) => {
    const { method = "", url: path = "", headers } = request;
    requests.push({ method, path, headers, body: await text(request) });
    answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // why: a TCP server has no other address
  url = `http://127.0.0.1:${port}/hook`;
});

afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

describe("a delivery", () => {
  test("posts the payload as JSON and keeps the answer", async () => {
    const payload = { url, payload: { event: "user_created" }, headers: { "X-Tenant": "a" } };
    const { outcome, output } = await runTask(webhook, payload, { job: { id: "5" } });

    expect(outcome.state).toBe("completed");
    expect(output).toEqual({ status: 200, body: "thanks", durationMs: expect.any(Number) });
    expect(requests).toMatchObject([
      { method: "POST", path: "/hook", body: '{"event":"user_created"}' },
    ]);
    expect(requests[0]?.headers).toMatchObject({
      "content-type": "application/json",
      "idempotency-key": expect.stringMatching(/^job-5-\d+$/),
      "x-tenant": "a",
    });
    expect(requests[0]?.headers).not.toHaveProperty("taskrun-signature");
  });

  test("is signed with the time and the body", async () => {
    vi.stubEnv("WEBHOOK_SECRET", "s3cret");
    const before = Math.floor(Date.now() / 1000);
    await runTask(webhook, {
      url,
      payload: { n: 1 },
      headers: { "Taskrun-Signature": "t=1,v1=forged" },
    });

    const signature = String(requests[0]?.headers["taskrun-signature"]);
    const [, time = "", hash] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
    expect(Number(time)).toBeGreaterThanOrEqual(before);
    expect(hash).toBe(createHmac("sha256", "s3cret").update(`${time}.{"n":1}`).digest("hex"));
  });

  test("by GET has no body", async () => {
    const { outcome } = await runTask(webhook, { url, method: "GET" });

    expect(outcome.state).toBe("completed");
    expect(requests).toMatchObject([{ method: "GET", body: "" }]);
  });

  test("keeps 2 kB of a long answer and hangs up", async () => {
    let sent = 0;
    answer = (_request, response) => {
      response.on("error", () => {});
      const pour = (): void => {
        while (!response.destroyed && response.write("x".repeat(1024))) sent += 1024;
      };
      response.on("drain", pour);
      pour();
    };
    const { outcome, output } = await runTask(webhook, { url });

    expect(outcome.state).toBe("completed");
    expect(output).toMatchObject({ body: "x".repeat(2048) });
    expect(sent).toBeLessThan(50 * 1024 * 1024);
  });

  test("counts although the answer's body breaks off", async () => {
    answer = (_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    };
    const { outcome, output } = await runTask(webhook, { url });

    expect(outcome.state).toBe("completed");
    expect(output).toMatchObject({ status: 200, body: expect.stringContaining("broken off") });
  });
});

describe("an answer", () => {
  test.each([
    [400, "failed"],
    [401, "failed"],
    [404, "failed"],
    [410, "failed"],
    [408, "retrying"],
    [429, "retrying"],
    [500, "retrying"],
    [503, "retrying"],
  ])("of %i leaves the job %s", async (status, state) => {
    answer = (_request, response) => response.writeHead(status).end("no luck");
    const { outcome, error } = await runTask(webhook, { url });

    expect(outcome).toMatchObject({ state, error: { rule: "http-status" } });
    expect(error?.message).toBe(`the endpoint answered ${status}: no luck`);
  });

  test("with Retry-After says when the next attempt is", async () => {
    answer = (_request, response) => response.writeHead(429, { "retry-after": "120" }).end();
    const { outcome } = await runTask(webhook, { url });

    expect(outcome).toMatchObject({ state: "retrying", delayMs: 120_000 });
  });

  test("that redirects is not followed", async () => {
    answer = (_request, response) => response.writeHead(307, { location: "/other" }).end();
    const { outcome, error } = await runTask(webhook, { url });

    expect(outcome.state).toBe("failed");
    expect(error?.message).toContain("/other");
    expect(requests).toHaveLength(1);
  });

  test("that never comes is waited for no longer than the attempt lasts", async () => {
    const stop = new AbortController();
    answer = () => stop.abort(new Error("enough"));
    const { error } = await runTask(webhook, { url }, { signal: stop.signal });

    expect(error?.message).toBe("enough");
  });

  test("that breaks the connection is retried", async () => {
    answer = (_request, response) => response.destroy();
    const { outcome } = await runTask(webhook, { url });

    expect(outcome).toMatchObject({ state: "retrying", error: { rule: "network-code" } });
  });
});

describe("a target is refused for good", () => {
  test.each([
    ["a file", { url: "file:///etc/passwd" }],
    ["no URL", { url: "example.com/hook" }],
    ["a URL with a password", { url: "http://me:secret@127.0.0.1/" }],
    ["a URL with only a password", { url: "http://:secret@127.0.0.1/" }],
    ["a URL with a user", { url: "http://me@127.0.0.1/" }],
    ["a header that holds a line break", { url: "http://127.0.0.1/", headers: { a: "b\r\nc: d" } }],
    ["a header name that is none", { url: "http://127.0.0.1/", headers: { "a b": "c" } }],
  ])("that is %s", async (_case, payload) => {
    const { outcome } = await runTask(webhook, payload);

    expect(outcome).toMatchObject({ state: "failed", error: { rule: "payload-schema" } });
  });

  test("that is not among WEBHOOK_HOSTS", async () => {
    vi.stubEnv("WEBHOOK_HOSTS", "hooks.example.com");
    const refused = await runTask(webhook, { url });
    expect(refused.outcome.state).toBe("failed");
    expect(refused.error?.message).toContain("127.0.0.1 is not one of WEBHOOK_HOSTS");
    expect(requests).toEqual([]);

    vi.stubEnv("WEBHOOK_HOSTS", "hooks.example.com, 127.0.0.1");
    const allowed = await runTask(webhook, { url });
    expect(allowed.outcome.state).toBe("completed");
  });
});
