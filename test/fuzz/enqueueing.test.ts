/** Jobs that come by TypeScript, SQL, graphile-worker's own SQL and HTTP. */

import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { createClient, type TaskrunClient } from "../../src/client/create-client.ts";
import { readProperty } from "../../src/core/error-chain.ts";
import { TaskrunError } from "../../src/core/errors.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { type HttpApi, httpApi } from "../support/http-api.ts";
import { testRuntime } from "../support/test-runtime.ts";
import { hostileJson, hostileOptions, hostileText, hostileValue } from "./support/hostile.ts";
import { knockAt } from "./support/knock-at.ts";

const tasks = {
  plain: async (payload: unknown) => ({ got: typeof payload }),
  strict: {
    payload: z.strictObject({ to: z.string().min(1), n: z.number().int().optional() }),
    handler: async () => "done",
  },
};

let runtime: TestRuntime;
let client: TaskrunClient;
let api: HttpApi;
let token: string;

beforeAll(async () => {
  runtime = await testRuntime(tasks, { logPayloads: true });
  client = createClient({ connectionString: runtime.connectionString, tasks });
  api = await httpApi({ runtime });
  token = await api.token();
});

afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
  await client?.close();
  await runtime?.stop();
});

/** All that were let in have ended or wait, and a good one still runs. */
async function nothingIsLost(accepted: readonly string[]): Promise<void> {
  const { id } = await client.enqueue("strict", { to: "ann" });
  // Some are due a second after they were added: while this drains, or just after.
  const { rows: clock } = await runtime.db.query("select now()::text as at");
  await runtime.drain();
  expect(await runtime.job(id)).toMatchObject({ state: "completed", output: "done" });
  const { rows } = await runtime.db.query(
    `select id from unnest($1::bigint[]) as accepted (id)
     where not exists (select from taskrun.history h where h.job_id = accepted.id)
       and not exists (select from graphile_worker._private_jobs j where j.id = accepted.id)`,
    [accepted],
  );
  expect(rows).toEqual([]);
  const { rows: due } = await runtime.db.query(
    `select id, task from taskrun.jobs where state in ('pending', 'running')
       and task in ('plain', 'strict') and run_at < $1`,
    [clock[0].at],
  );
  expect(due).toEqual([]);
}

/** A refusal of ours; whatever else was thrown goes on. */
function refusalOf(error: unknown): string {
  if (error instanceof TaskrunError) return error.message;
  throw error;
}

const taskName = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("plain", "strict") },
  { weight: 1, arbitrary: fc.oneof(hostileText, hostileValue) },
);

test("payloads from TypeScript", async () => {
  const accepted: string[] = [];
  await knockAt({
    door: "client.enqueue: payloads",
    inputs: fc.tuple(taskName, hostileValue),
    few: 150,
    atOnce: 4,
    async knock([task, payload]) {
      try {
        // why: callers without types give whatever they have
        accepted.push((await client.enqueue(task as "plain", payload as object)).id);
        return null;
      } catch (error) {
        return refusalOf(error);
      }
    },
    speaksOf: ([task]) => (typeof task === "string" ? /payload|name/ : /name|task/),
  });
  await nothingIsLost(accepted);
  expect({}).not.toHaveProperty("polluted");
});

const optionsOf = (anything: fc.Arbitrary<unknown>) => ({
  runAt: fc.constantFrom("2030-01-01", "2031-01-01T00:00:00Z"),
  delay: fc.constantFrom("5m", 1000),
  priority: fc.constantFrom("high", 5),
  queue: hostileText,
  key: hostileText,
  keyMode: fc.constantFrom("replace", "preserve_run_at", "unsafe_dedupe"),
  maxAttempts: fc.integer({ min: 1, max: 32_767 }),
  correlationId: hostileText,
  createdBy: hostileText,
  metadata: fc.dictionary(hostileText, fc.jsonValue()),
  parentId: fc.constant("1"),
  retry: hostileOptions({ maxAttempts: fc.constant(3), baseDelay: fc.constant("1s") }, anything),
  timeout: fc.constantFrom("1s", false),
  after: fc.constant([]),
  onParentFailure: fc.constant("run"),
});

test("options from TypeScript", async () => {
  const accepted: string[] = [];
  await knockAt({
    door: "client.enqueue: options",
    inputs: hostileOptions(optionsOf(hostileValue), hostileValue),
    few: 150,
    atOnce: 4,
    async knock(given) {
      try {
        accepted.push((await client.enqueue("plain", {}, given)).id);
        return null;
      } catch (error) {
        return refusalOf(error);
      }
    },
    speaksOf: () =>
      new RegExp(
        '^(the options|"|Give|runAt|run_at|delay|priority|queue|key|maxAttempts|correlationId|' +
          "createdBy|metadata|parentId|retry|timeout|after|onParentFailure)",
      ),
  });
  await nothingIsLost(accepted);
});

test("payloads and options from SQL", async () => {
  const accepted: string[] = [];
  const sqlNames = Object.fromEntries(
    Object.entries(optionsOf(hostileJson)).map(([name, value]) => [
      name.replaceAll(/[A-Z]/g, "_$&").toLowerCase(),
      value,
    ]),
  );
  await knockAt({
    door: "taskrun.add_job",
    inputs: fc.tuple(
      fc.oneof(fc.constantFrom("plain", "strict"), hostileText),
      hostileJson,
      fc.oneof(
        { weight: 1, arbitrary: fc.constant({}) },
        { weight: 2, arbitrary: hostileOptions(sqlNames, hostileJson) },
        { weight: 1, arbitrary: hostileJson },
      ),
    ),
    few: 150,
    atOnce: 4,
    async knock([task, payload, given]) {
      const values = [task, JSON.stringify(payload), JSON.stringify(given) ?? "null"];
      try {
        const { rows } = await runtime.db.query("select taskrun.add_job($1, $2, $3) as id", values);
        accepted.push(rows[0].id);
        return null;
      } catch (error) {
        return sqlRefusal(error);
      }
    },
  });
  await nothingIsLost(accepted);
});

/** By their class: what the caller gave is at fault, not the server nor our functions. */
function sqlRefusal(error: unknown): string {
  const code = String(readProperty(error, "code"));
  if (!/^(22|23514|54|GW)/.test(code)) throw error;
  return `${readProperty(error, "message")}. ${readProperty(error, "hint") ?? ""}`;
}

test("payloads from graphile-worker's own SQL, that then run", async () => {
  const accepted: string[] = [];
  await knockAt({
    door: "graphile_worker.add_job, and run",
    inputs: fc.tuple(taskName, hostileJson, fc.option(hostileText), fc.option(hostileText)),
    few: 150,
    atOnce: 4,
    async knock([task, payload, queue, key]) {
      try {
        const { rows } = await runtime.db.query(
          `select id from graphile_worker.add_job($1, $2::json, queue_name := $3, job_key := $4,
             max_attempts := 1)`,
          [String(typeof task === "string" ? task : "plain"), JSON.stringify(payload), queue, key],
        );
        accepted.push(rows[0].id);
        return null;
      } catch (error) {
        return sqlRefusal(error);
      }
    },
  });
  await nothingIsLost([]);
  // Every one that has a task has got exactly one record, whatever its payload was.
  const { rows } = await runtime.db.query(
    `select j.id, t.identifier from graphile_worker._private_jobs j
     join graphile_worker._private_tasks t on t.id = j.task_id
     left join taskrun.history h on h.job_id = j.id
     where t.identifier in ('plain', 'strict') and h.job_id is null and j.run_at < now()
       and j.id = any ($1::bigint[])`,
    [accepted],
  );
  expect(rows).toEqual([]);
  expect({}).not.toHaveProperty("polluted");
});

const bodyFields = {
  task_type: fc.constantFrom("plain", "strict"),
  payload: hostileJson,
  priority: fc.constantFrom("high", 5),
  scheduled_at: fc.constant("2090-01-01T12:00:00Z"),
  retry_strategy: hostileOptions(
    { type: fc.constant("Fixed"), interval_ms: fc.constant(5) },
    hostileJson,
  ),
  max_attempts: fc.integer({ min: 1, max: 9 }),
  metadata: fc.dictionary(hostileText, fc.jsonValue()),
  queue: hostileText,
  key: hostileText,
  key_mode: fc.constant("replace"),
  correlation_id: hostileText,
  after: fc.constant([]),
  on_parent_failure: fc.constant("run"),
};
const rightBody = { task_type: "plain" };
const body = fc.oneof(
  {
    weight: 6,
    arbitrary: hostileOptions(bodyFields, hostileJson).map((fields) =>
      JSON.stringify({ ...rightBody, ...fields }),
    ),
  },
  { weight: 2, arbitrary: hostileJson.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: hostileText },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{"task_type":"plain"',
      "[".repeat(50_000),
      '{"a":1,"a":2}',
      "\ufeff{}",
    ),
  },
);

test("bodies by HTTP", async () => {
  const accepted: string[] = [];
  await knockAt({
    door: "POST /tasks",
    inputs: fc.tuple(
      body,
      fc.oneof(
        { weight: 9, arbitrary: fc.constant("application/json") },
        { weight: 1, arbitrary: fc.constantFrom("text/plain", "a/b", "application/json; x") },
      ),
    ),
    few: 100,
    atOnce: 4,
    async knock([text, type]) {
      const headers = { "content-type": type };
      const reply = await api.ask("/tasks", { token, method: "POST", body: text, headers });
      if (reply.status === 201) {
        accepted.push(reply.body.data.id);
        return null;
      }
      expect(reply.body).toMatchObject({
        success: false,
        error: { status: reply.status, code: expect.any(String) },
      });
      if (reply.status < 400 || reply.status > 499) {
        throw new Error(`${reply.status}: ${JSON.stringify(reply.body)} ${api.logged.at(-1)}`);
      }
      const { detail, issues, next_step: step } = reply.body.error;
      return [detail, ...(issues ?? []).map((one: { path: string }) => one.path), step].join(" ");
    },
    speaksOf: () => /body|payload|task|option|address|JSON|taskrun/i,
  });
  await nothingIsLost(accepted);
});
