import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { TaskContext } from "../../src/core/context.ts";
import { err } from "../../src/core/result.ts";
import type { Classify } from "../../src/core/task.ts";
import {
  BusinessLogicError,
  CircuitOpenError,
  ExternalServiceError,
  InvalidPayloadError,
  PermanentError,
  RateLimitedError,
  RetryableError,
  RetryLaterError,
  TaskTimeoutError,
} from "../../src/core/task-errors.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../support/test-runtime.ts";

interface Row {
  readonly name: string;
  readonly throws: () => unknown;
  readonly ends: "failed" | "retrying" | "snoozed";
  /** Seconds until the job is due again, without jitter. */
  readonly after?: number;
  readonly rule: string | null;
}

const coded = (code: string) => Object.assign(new Error(`failed with ${code}`), { code });
const status = (value: number, more: object = {}) =>
  Object.assign(new Error(`status ${value}`), { status: value, ...more });
const within = (message: string) => new Error("outer", { cause: new Error(message) });

/**
 * The documented table, a row per kind of error. Without a delay of its own: the task's, jittered.
 * The usual second could be over before all rows have run once.
 */
const ownDelay = 300;
const rows: readonly Row[] = [
  ...[
    { name: "PermanentError", throws: () => new PermanentError("p") },
    { name: "InvalidPayloadError", throws: () => new InvalidPayloadError("p") },
    { name: "BusinessLogicError", throws: () => new BusinessLogicError("p") },
  ].map((row) => ({ ...row, ends: "failed" as const, rule: "thrown-on-purpose" })),
  ...[
    { name: "RetryableError", throws: () => new RetryableError("p"), after: ownDelay },
    {
      name: "RetryableError after",
      throws: () => new RetryableError("p", { after: "2m" }),
      after: 120,
    },
    { name: "ExternalServiceError", throws: () => new ExternalServiceError("p"), after: ownDelay },
    { name: "RateLimitedError", throws: () => new RateLimitedError("10m"), after: 600 },
    { name: "TaskTimeoutError", throws: () => new TaskTimeoutError("p"), after: ownDelay },
    { name: "a returned Err", throws: () => "returned", after: 40 },
  ].map((row) => ({ ...row, ends: "retrying" as const, rule: "thrown-on-purpose" })),
  {
    name: "CircuitOpenError",
    throws: () => new CircuitOpenError("p", "3m"),
    ends: "snoozed",
    after: 180,
    rule: null,
  },
  {
    name: "RetryLaterError",
    throws: () => new RetryLaterError("p", "4m"),
    ends: "snoozed",
    after: 240,
    rule: null,
  },
  {
    name: "the task's classify",
    throws: () => new Error("by task"),
    ends: "failed",
    rule: "task-classify",
  },
  {
    name: "the config's classify",
    throws: () => new Error("by config"),
    ends: "failed",
    rule: "config-classify",
  },
  {
    name: "PERMANENT:",
    throws: () => within("PERMANENT: no"),
    ends: "failed",
    rule: "message-prefix",
  },
  {
    name: "RETRYABLE:",
    throws: () => within("RETRYABLE: yes"),
    ends: "retrying",
    after: ownDelay,
    rule: "message-prefix",
  },
  {
    name: "a payload its schema refuses",
    throws: () => "payload",
    ends: "failed",
    rule: "payload-schema",
  },
  ...[408, 425, 429, 500, 502, 503, 504].map((value) => ({
    name: `status ${value}`,
    throws: () => status(value),
    ends: "retrying" as const,
    after: ownDelay,
    rule: "http-status",
  })),
  ...[400, 401, 403, 404, 409, 422].map((value) => ({
    name: `statusCode ${value}`,
    throws: () => Object.assign(new Error("x"), { statusCode: value }),
    ends: "failed" as const,
    rule: "http-status",
  })),
  {
    name: "response.status",
    throws: () => Object.assign(new Error("x"), { response: { status: 410 } }),
    ends: "failed",
    rule: "http-status",
  },
  {
    name: "Retry-After",
    throws: () => status(429, { headers: { "retry-after": "77" } }),
    ends: "retrying",
    after: 77,
    rule: "http-status",
  },
  ...["ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ECONNREFUSED"].map((code) => ({
    name: code,
    throws: () => new TypeError("fetch failed", { cause: coded(code) }),
    ends: "retrying" as const,
    after: ownDelay,
    rule: "network-code",
  })),
  ...["08006", "40001", "40P01", "53300", "57P01", "55P03"].map((code) => ({
    name: `SQLSTATE ${code}`,
    throws: () => coded(code),
    ends: "retrying" as const,
    after: ownDelay,
    rule: "sqlstate",
  })),
  ...["22P02", "23505", "42P01"].map((code) => ({
    name: `SQLSTATE ${code}`,
    throws: () => coded(code),
    ends: "failed" as const,
    rule: "sqlstate",
  })),
  {
    name: "any other error",
    throws: () => new Error("who knows"),
    ends: "retrying",
    after: ownDelay,
    rule: "default",
  },
  { name: "throw null", throws: () => null, ends: "retrying", after: ownDelay, rule: "default" },
  {
    name: "throw a string",
    throws: () => "text",
    ends: "retrying",
    after: ownDelay,
    rule: "default",
  },
];

let kit: TestRuntime;
const ids = new Map<string, string>();

const byTask: Classify = (error) =>
  error instanceof Error && error.message === "by task" ? "permanent" : undefined;
const byConfig: Classify = (error) =>
  error instanceof Error && error.message === "by config" ? "permanent" : undefined;

beforeAll(async () => {
  kit = await testRuntime(
    {
      row: {
        classify: byTask,
        retry: { baseDelay: `${ownDelay}s` },
        handler: async ({ n }: { n: number }, _ctx: TaskContext) => {
          const thrown = rows[n]?.throws();
          if (thrown === "returned") return err(new RetryableError("p", { after: "40s" }));
          throw thrown;
        },
      },
      strict: { payload: z.object({ to: z.string() }), handler: async () => null },
    },
    { classify: byConfig },
  );
  for (const [n, row] of rows.entries()) {
    const strict = row.rule === "payload-schema";
    const added = await kit.db.query(
      "select id from graphile_worker.add_job($1, $2::json, max_attempts := 3)",
      [strict ? "strict" : "row", JSON.stringify(strict ? { to: 5 } : { n })],
    );
    ids.set(row.name, added.rows[0].id);
  }
  await kit.drain();
});
afterAll(() => kit.stop());

test.each(rows)("$name: $ends", async ({ name, ends, after, rule }) => {
  const { rows: found } = await kit.db.query(
    `select j.state, j.attempts, a.rule, a.state as attempt_state,
       extract(epoch from a.next_run_at - a.finished_at)::float8 as delay,
       extract(epoch from j.run_at - j.created_at)::float8 as since_created
     from taskrun.jobs j left join taskrun.attempts a on a.job_id = j.id where j.id = $1`,
    [ids.get(name)],
  );
  const [job] = found;
  if (ends === "snoozed") {
    expect(job).toMatchObject({ state: "scheduled", attempts: 0, rule: null });
    expect(job.since_created).toBeGreaterThan((after ?? 0) - 1);
    expect(job.since_created).toBeLessThan((after ?? 0) + 30);
    return;
  }
  expect(job).toMatchObject({ state: ends, attempts: 1, rule, attempt_state: ends });
  if (after === undefined) return;
  // A tenth of jitter at most, and the moment between the outcome and its settlement.
  expect(job.delay).toBeGreaterThanOrEqual(after * 0.9);
  expect(job.delay).toBeLessThan(after * 1.1 + 5);
});

test("a refused payload names the path of each issue", async () => {
  const job = await kit.job(ids.get("a payload its schema refuses") ?? "");
  expect(job?.error).toContain("$.to");
});
