/**
 * Delivers one event to an HTTP endpoint, signed when `WEBHOOK_SECRET` is set.
 *
 * Refuses what isn't http(s), hosts outside `WEBHOOK_HOSTS` (a comma-separated list; set it
 * when payloads come from people you don't know, or they reach into your network), and
 * redirects: they would take the body to a place that nobody named.
 */

import { createHmac } from "node:crypto";
import { defineTask, PermanentError } from "taskrun";
import { z } from "zod";

const maxBodyBytes = 2048;
const bodyTimeoutMs = 5_000;

const payload = z.object({
  url: z
    .url({ protocol: /^https?$/ })
    .refine(holdsNoSecret, "must not hold a user name or password"),
  method: z.enum(["POST", "PUT", "PATCH", "DELETE", "GET"]).default("POST"),
  payload: z.json().optional(),
  headers: z
    .record(z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/), z.string().regex(/^[\t\x20-\x7e]*$/))
    .default({}),
});

/** The runtime reads `status` and a `Retry-After` in `headers` to decide what comes next. */
class WebhookError extends Error {
  override readonly name = "WebhookError";
  readonly status: number;
  readonly headers: Headers;

  constructor(response: Response, body: string) {
    super(`the endpoint answered ${response.status}: ${body.slice(0, 200) || "(empty)"}`);
    this.status = response.status;
    this.headers = response.headers;
  }
}

export default defineTask({
  description: "Delivers one event to an HTTP endpoint, signed with WEBHOOK_SECRET.",
  payload,
  output: z.object({ status: z.number(), body: z.string(), durationMs: z.number() }),
  retry: { strategy: "exponential", baseDelay: "5s", factor: 3, maxDelay: "1h", maxAttempts: 6 },
  timeout: "30s",
  async handler(event, ctx) {
    refuseForeignHost(event.url);
    const body = event.method === "GET" ? "" : JSON.stringify(event.payload ?? null);
    const headers = new Headers(event.headers);
    headers.set("user-agent", "taskrun-webhook");
    // The same at every attempt, so that a receiver can drop what it already has; with the
    // time, since two databases count their jobs from 1.
    headers.set("idempotency-key", `job-${ctx.jobId}-${ctx.createdAt.getTime()}`);
    const secret = process.env.WEBHOOK_SECRET;
    if (secret) headers.set("taskrun-signature", sign(body, secret));
    const request: RequestInit = { method: event.method, headers, redirect: "manual" };
    if (event.method !== "GET") {
      headers.set("content-type", "application/json");
      request.body = body;
    }

    const startedAt = performance.now();
    const response = await fetch(event.url, { ...request, signal: ctx.signal });
    const answer = await readStart(response);
    const durationMs = Math.round(performance.now() - startedAt);
    ctx.log.info({ status: response.status, durationMs }, "webhook answered");

    if (response.ok) return { status: response.status, body: answer, durationMs };
    if (response.status < 400) {
      const target = response.headers.get("location") ?? "nowhere";
      throw new PermanentError(
        `the endpoint redirects (${response.status}) to ${target}; put that URL into the payload`,
      );
    }
    throw new WebhookError(response, answer);
  },
});

function holdsNoSecret(url: string): boolean {
  const parsed = URL.parse(url);
  return !parsed?.username && !parsed?.password;
}

function refuseForeignHost(url: string): void {
  const allowed = process.env.WEBHOOK_HOSTS?.split(",").map((host) => host.trim().toLowerCase());
  const { hostname } = new URL(url);
  if (allowed === undefined || allowed.includes(hostname)) return;
  throw new PermanentError(`${hostname} is not one of WEBHOOK_HOSTS; add it there to allow it`);
}

/** `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`: old deliveries can't be replayed. */
function sign(body: string, secret: string): string {
  const time = Math.floor(Date.now() / 1000);
  return `t=${time},v1=${createHmac("sha256", secret).update(`${time}.${body}`).digest("hex")}`;
}

/** Reads at most 2 kB; the status has decided already, so a body that breaks off is no failure. */
async function readStart(response: Response): Promise<string> {
  if (response.body === null) return "";
  const reader = response.body.getReader();
  const timer = setTimeout(() => void reader.cancel().catch(() => {}), bodyTimeoutMs);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    while (length < maxBodyBytes) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      length += value.length;
    }
    await reader.cancel();
  } catch {
    chunks.push(Buffer.from(" …(broken off)"));
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).subarray(0, maxBodyBytes).toString("utf8");
}
