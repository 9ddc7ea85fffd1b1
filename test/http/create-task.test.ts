import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { resolveTask } from "../../src/core/resolve-task.ts";
import { publishTasks } from "../../src/runtime/enqueueing/publish-tasks.ts";
import { type HttpApi, httpApi, schemas } from "../support/http-api.ts";

const payload = z.object({
  to: z.email(),
  items: z.array(z.object({ price: z.number().positive() })).default([]),
});

let api: HttpApi;
let token: string;

beforeAll(async () => {
  api = await httpApi({
    tasks: {
      email: { payload, aliases: ["mail"], retry: { maxAttempts: 7 }, handler: async () => 1 },
      report: { priority: "high", queue: "reports", handler: async () => 1 },
    },
  });
  token = await api.token();
});
afterAll(() => api[Symbol.asyncDispose]());

async function create(json: unknown) {
  return api.ask("/tasks", { token, json });
}

async function details(id: string) {
  return (await api.ask(`/tasks/${id}`, { token })).body.data;
}

test("everything that the body says is kept with the job", async () => {
  const retry_strategy = {
    type: "Exponential",
    base_delay_ms: 1000,
    multiplier: 2,
    max_delay_ms: 300_000,
    max_attempts: 3,
  };
  const { body, status } = await create({
    task_type: "email",
    payload: { to: "a@b.example" },
    priority: "critical",
    scheduled_at: "2090-01-01T12:00:00Z",
    retry_strategy,
    max_attempts: 5,
    metadata: { tenant: "t1", nested: { deep: [1, null] } },
    queue: "line",
    key: "k1",
    correlation_id: "c1",
  });
  expect(status).toBe(201);
  expect(body.data).toMatchObject({ status: "scheduled", priority: "critical" });
  expect(await details(body.data.id)).toMatchObject({
    task_type: "email",
    scheduled_at: "2090-01-01T12:00:00.000Z",
    max_attempts: 5,
    metadata: { tenant: "t1", nested: { deep: [1, null] } },
    queue: "line",
    key: "k1",
    correlation_id: "c1",
    created_by: "token-1",
    payload: { to: "a@b.example" },
  });
  const { rows } = await api.db.query("select retry from taskrun.job_details where job_id = $1", [
    body.data.id,
  ]);
  expect(rows[0].retry).toEqual(retry_strategy);
});

test("what it doesn't say is as the task's file says", async () => {
  const report = (await create({ task_type: "report" })).body.data;
  expect(report).toMatchObject({ priority: "high", status: "pending" });
  expect(await details(report.id)).toMatchObject({ queue: "reports", payload: {} });
  const email = await create({ task_type: "mail", payload: { to: "a@b.example" }, priority: null });
  expect(email.body.data).toMatchObject({ task_type: "mail", priority: "normal" });
  expect(await details(email.body.data.id)).toMatchObject({ max_attempts: 7 });
});

test("a job that waits for another is blocked", async () => {
  const first = (await create({ task_type: "report" })).body.data.id;
  const { data } = (await create({ task_type: "report", after: [first] })).body;
  expect(data.status).toBe("blocked");
  expect(await details(data.id)).toMatchObject({ waits_for: [{ id: first }] });
});

test("a wrong payload is refused with the path of each fault", async () => {
  const { status, body } = await create({
    task_type: "email",
    payload: { to: "nobody", items: [{ price: 1 }, { price: -1 }] },
  });
  expect(status).toBe(422);
  expect(body.error).toMatchObject({ code: "bad-payload", next_step: expect.any(String) });
  expect(body.error.issues.map(({ path }: { path: string }) => path)).toEqual([
    "$.payload.to",
    "$.payload.items[1].price",
  ]);
  const { rows } = await api.db.query("select from taskrun.jobs where payload->>'to' = 'nobody'");
  expect(rows).toEqual([]);
});

test("a task that only other processes have is checked by what they published", async () => {
  await using alone = await httpApi();
  const place = { name: "email", file: "email.ts", version: 1, layers: [] };
  const email = resolveTask({ payload, handler: async () => 1 }, place);
  const catalog = { tasks: new Map([["email", email]]), failures: [] };
  await publishTasks({ db: alone.db, schemas, catalog, processId: null });
  const wrong = { task_type: "email", payload: { to: 5 } };
  const { status, body } = await alone.ask("/tasks", { json: wrong });
  expect(status).toBe(422);
  expect(body.error.issues[0]).toMatchObject({ path: "$.payload.to" });
  const right = { task_type: "email", payload: { to: "a@b.example" } };
  expect((await alone.ask("/tasks", { json: right })).status).toBe(201);
});

test("an unknown task is refused, and the one that was meant is named", async () => {
  const near = await create({ task_type: "e-mial", payload: {} });
  expect(near.status).toBe(404);
  expect(near.body.error).toMatchObject({
    code: "unknown-task",
    next_step: "Did you mean email?",
  });
  const far = await create({ task_type: "zzzzzzzz", payload: {} });
  expect(far.body.error.next_step).toContain("/catalog");
});

test.each([
  [{}, ["$.task_type"]],
  [{ task_type: "report", prioritee: "high" }, ["$.prioritee"]],
  [{ task_type: "report", priority: "urgent" }, ["$.priority"]],
  [{ task_type: "report", priority: 40_000 }, ["$.priority"]],
  [{ task_type: "report", scheduled_at: "tomorrow" }, ["$.scheduled_at"]],
  [{ task_type: "report", max_attempts: 0, metadata: [] }, ["$.max_attempts", "$.metadata"]],
  [{ task_type: "report", retry_strategy: { type: "Fixed" } }, ["$.retry_strategy.interval_ms"]],
  [{ task_type: "report", retry_strategy: "often" }, ["$.retry_strategy"]],
  [{ task_type: "report", after: ["x"] }, ["$.after[0]"]],
])("%j is refused at %j", async (json, paths) => {
  const { status, body } = await create(json);
  expect(status).toBe(422);
  expect(body.error.issues.map(({ path }: { path: string }) => path)).toEqual(paths);
});

test("a field that is nearly one is named", async () => {
  const { body } = await create({ task_type: "report", prioritee: "high" });
  expect(body.error.issues[0].message).toBe("unknown field, did you mean priority?");
});

test("a task that it should wait for, and that never was, is the caller's fault", async () => {
  const { status, body } = await create({ task_type: "report", after: ["987654321"] });
  expect([status, body.error.code]).toEqual([422, "bad-enqueue-option"]);
  expect(body.error.detail).toContain("there is no job 987654321 to wait for");
});

test("what Postgres can't store is refused", async () => {
  const { status, body } = await create({ task_type: "report", payload: { a: "\0" } });
  expect([status, body.error.code]).toEqual([422, "bad-payload"]);
});

test.each([100, 3_000, 20_000, 400_000])(
  "a payload of %i levels is stored or refused",
  async (depth) => {
    const deep = `${"[".repeat(depth)}${"]".repeat(depth)}`;
    const { status, body } = await api.ask("/tasks", {
      token,
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"task_type":"report","payload":{"deep":${deep}}}`,
    });
    expect([201, 422], JSON.stringify(body)).toContain(status);
    expect(depth === 100 ? 201 : status).toBe(status);
  },
);

test("markup in a payload comes back as data, and never as a page", async () => {
  const script = "<script>alert(1)</script>";
  const { body } = await create({ task_type: "report", payload: { script } });
  const { headers, body: shown } = await api.ask(`/tasks/${body.data.id}`, { token });
  expect(shown.data.payload).toEqual({ script });
  expect(headers.get("content-type")).toContain("application/json");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
});

describe("with an Idempotency-Key", () => {
  const create = (key: string, more: object = {}) =>
    api.ask("/tasks", {
      token,
      json: { task_type: "report", ...more },
      headers: { "idempotency-key": key },
    });

  test("keys of one token are not those of another", async () => {
    const first = await create("mine");
    const other = await api.token();
    const second = await api.ask("/tasks", {
      token: other,
      json: { task_type: "report" },
      headers: { "idempotency-key": "mine" },
    });
    expect(second.body.data.id).not.toBe(first.body.data.id);
  });

  test("the same body has the same answer, another one is refused", async () => {
    const first = await create("one");
    expect([first.status, first.headers.get("idempotency-replayed")]).toEqual([201, null]);
    const again = await create("one");
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([201, "true"]);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get("location")).toBe(first.headers.get("location"));
    const other = await create("one", { priority: "low" });
    expect([other.status, other.body.error.code]).toEqual([422, "idempotency-key-reused"]);
    expect((await create("two")).body.data.id).not.toBe(first.body.data.id);
  });

  test("a repeated request is answered as before, also when its task has gone meanwhile", async () => {
    await using alone = await httpApi({ tasks: {} });
    const place = { name: "gone", file: "gone.ts", version: 1, layers: [] };
    const gone = resolveTask({ handler: async () => 1 }, place);
    const catalog = { tasks: new Map([["gone", gone]]), failures: [] };
    await publishTasks({ db: alone.db, schemas, catalog, processId: null });
    const again = (key: string) =>
      alone.ask("/tasks", { json: { task_type: "gone" }, headers: { "idempotency-key": key } });
    const first = await again("once");
    expect(first.status).toBe(201);
    await alone.db.query("delete from taskrun.tasks");
    const second = await again("once");
    expect([second.status, second.headers.get("idempotency-replayed")]).toEqual([201, "true"]);
    expect(second.body).toEqual(first.body);
    expect((await again("twice")).body.error.code).toBe("unknown-task");
    // What was refused has used up no key.
    await publishTasks({ db: alone.db, schemas, catalog, processId: null });
    expect((await again("twice")).status).toBe(201);
  });

  test("twins at the same time create one task", async () => {
    const replies = await Promise.all(Array.from({ length: 12 }, () => create("twins")));
    expect(replies.map(({ status }) => status)).toEqual(Array(12).fill(201));
    expect(new Set(replies.map(({ body }) => body.data.id)).size).toBe(1);
    const news = replies.filter(({ headers }) => !headers.has("idempotency-replayed"));
    expect(news).toHaveLength(1);
  });

  test("what was refused uses up no key", async () => {
    expect((await create("wrong", { payload: { deep: "\0" } })).status).toBe(422);
    expect((await create("wrong")).status).toBe(201);
  });

  test("a key is good for another task after a day", async () => {
    const first = await create("old");
    await api.db.query("update taskrun.idempotency_keys set created_at = now() - interval '25 h'");
    const later = await create("old", { priority: "low" });
    expect(later.status).toBe(201);
    expect(later.body.data.id).not.toBe(first.body.data.id);
    const { rows } = await api.db.query("select key from taskrun.idempotency_keys");
    expect(rows).toEqual([{ key: "old" }]);
  });

  test("what can't be a key is refused", async () => {
    for (const key of ["", "x".repeat(256)]) {
      expect((await create(key)).body.error.code).toBe("bad-idempotency-key");
    }
  });
});
