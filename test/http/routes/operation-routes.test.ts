import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { type HttpApi, httpApi } from "../../support/http-api.ts";
import { testRuntime } from "../../support/test-runtime.ts";

let runtime: TestRuntime;
let api: HttpApi;
let token: string;

beforeAll(async () => {
  runtime = await testRuntime({
    work: async () => "done",
    fail: {
      retry: { maxAttempts: 1 },
      handler: async () => {
        throw new Error("no luck");
      },
    },
  });
  api = await httpApi({ runtime });
  token = await api.token();
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await runtime.stop();
});

async function create(json: object): Promise<string> {
  return (await api.ask("/tasks", { token, json })).body.data.id;
}

async function post(path: string, json?: object) {
  const { status, body } = await api.ask(path, { token, method: "POST", ...(json && { json }) });
  return { status, ...body };
}

async function statusOf(id: string): Promise<string> {
  return (await api.ask(`/tasks/${id}`, { token })).body.data.status;
}

const later = { scheduled_at: "2090-01-01T00:00:00Z" };

test("a job is cancelled, with the reason and who asked", async () => {
  const id = await create({ task_type: "work", ...later });
  expect(await post(`/tasks/${id}/cancel`, { reason: "customer left" })).toMatchObject({
    status: 200,
    data: { id, result: "cancelled" },
  });
  const { data } = (await api.ask(`/tasks/${id}`, { token })).body;
  expect(data).toMatchObject({ status: "cancelled", error: expect.stringContaining("customer") });
  expect(data.error).toContain("token-1");
});

test("a cancelled job is retried; one that waits can't be", async () => {
  const id = await create({ task_type: "work" });
  const refused = await post(`/tasks/${id}/retry`);
  expect([refused.status, refused.error.code]).toEqual([409, "wrong-job-state"]);
  await post(`/tasks/${id}/cancel`);
  expect(await post(`/tasks/${id}/retry`)).toMatchObject({ data: { id, result: "due" } });
  await runtime.drain();
  expect(await statusOf(id)).toBe("completed");
});

test("a scheduled job is run at once", async () => {
  const id = await create({ task_type: "work", ...later });
  expect(await post(`/tasks/${id}/run-now`)).toMatchObject({ data: { id, result: "due" } });
  await runtime.drain();
  expect(await statusOf(id)).toBe("completed");
});

test.each(["cancel", "retry", "run-now"])("%s of no job is a 404", async (operation) => {
  for (const id of ["999999999", "x"]) {
    const { status, error } = await post(`/tasks/${id}/${operation}`);
    expect([status, error.code]).toEqual([404, "job-not-found"]);
  }
});

test("many are chosen by a filter, counted before, and changed", async () => {
  const ids = [];
  for (let n = 0; n < 3; n += 1)
    ids.push(await create({ task_type: "work", queue: "q", ...later }));
  const asked = { operation: "cancel", filter: { queue: "q", status: "scheduled" } };
  expect((await post("/tasks/bulk", { ...asked, preview: true })).data).toEqual({
    operation: "cancel",
    preview: true,
    count: 3,
    first_ids: ids,
  });
  expect(await Promise.all(ids.map(statusOf))).toEqual(Array(3).fill("scheduled"));
  expect((await post("/tasks/bulk", { ...asked, limit: 2 })).data).toEqual({
    operation: "cancel",
    preview: false,
    count: 2,
    results: { cancelled: 2 },
  });
  const some = { operation: "retry", filter: { ids: ids.slice(0, 2) } };
  expect((await post("/tasks/bulk", some)).data.results).toEqual({ due: 2 });
  const now = { operation: "run_now", filter: { ids: ids.slice(2) } };
  expect((await post("/tasks/bulk", now)).data.results).toEqual({ due: 1 });
});

test("failed jobs are retried by filter", async () => {
  await create({ task_type: "fail" });
  await create({ task_type: "fail" });
  await runtime.drain();
  const asked = { operation: "retry", filter: { task_type: "fail", status: "failed" } };
  expect((await post("/tasks/bulk", asked)).data).toMatchObject({ count: 2, results: { due: 2 } });
});

test("everything is meant only when that is said", async () => {
  const { status, error } = await post("/tasks/bulk", { operation: "cancel" });
  expect([status, error.issues[0].path]).toEqual([422, "$.filter"]);
  const wrong = await post("/tasks/bulk", { operation: "cancel", filter: { state: "failed" } });
  expect(wrong.error.issues[0].path).toBe("$.filter.state");
  const all = { operation: "cancel", all: true, preview: true };
  expect((await post("/tasks/bulk", all)).data.count).toBeGreaterThan(0);
});

test("a task is paused and resumed, and says by whom", async () => {
  expect(await post("/pause", { task_type: "work", reason: "moving" })).toMatchObject({
    status: 200,
    data: { kind: "task", name: "work", paused_by: "token-1", reason: "moving" },
  });
  const id = await create({ task_type: "work" });
  await runtime.drain();
  expect(await statusOf(id)).toBe("pending");
  const { data } = (await api.ask("/pauses", { token })).body;
  expect(data).toMatchObject({ pauses: [{ kind: "task", name: "work" }], breakers: [] });
  expect((await post("/resume", { task_type: "work" })).data).toMatchObject({ was_held: true });
  expect((await post("/resume", { task_type: "work" })).data).toMatchObject({ was_held: false });
  await runtime.drain();
  expect(await statusOf(id)).toBe("completed");
});

test("queues and everything are paused on their own; one at a time is named", async () => {
  expect((await post("/pause", { queue: "line" })).data).toMatchObject({ kind: "queue" });
  expect((await post("/pause", { all: true })).data).toMatchObject({ kind: "all", name: "" });
  for (const wrong of [{}, { queue: "a", all: true }, { task_type: "" }, { everything: true }]) {
    expect((await post("/pause", wrong)).status, JSON.stringify(wrong)).toBe(422);
  }
  await post("/resume", { all: true });
  await post("/resume", { queue: "line" });
  expect((await api.ask("/pauses", { token })).body.data.pauses).toEqual([]);
});

test("a bulk operation takes what a payload's value or a fingerprint finds, and no more", async () => {
  const mine = await create({ task_type: "work", payload: { user: { id: 77 } }, ...later });
  const other = await create({ task_type: "work", payload: { user: { id: 78 } }, ...later });
  const cancel = (filter: object, more: object = {}) =>
    post("/tasks/bulk", { operation: "cancel", filter, ...more });
  const byUser = { payload: ["user.id=77"] };
  expect(await cancel(byUser, { preview: true })).toMatchObject({
    data: { count: 1, first_ids: [mine] },
  });
  expect(await cancel({ ...byUser, ids: [other] })).toMatchObject({ data: { count: 0 } });
  expect(await cancel({ payload: ["user.id=79"] })).toMatchObject({ data: { count: 0 } });
  // No condition is no choice.
  expect(await cancel({ payload: [] }, { preview: true })).toMatchObject({ status: 422 });
  expect(await cancel(byUser)).toMatchObject({ data: { count: 1, results: { cancelled: 1 } } });
  expect(await statusOf(other)).toBe("scheduled");
  // Only what has failed, as without it.
  const retry = { operation: "retry", filter: byUser };
  expect(await post("/tasks/bulk", retry)).toMatchObject({ data: { count: 0 } });

  const failed = await create({ task_type: "fail" });
  await runtime.drain();
  const { data } = (await api.ask("/errors?task_type=fail", { token })).body;
  const { fingerprint, count } = data[0];
  const preview = { operation: "retry", filter: { fingerprint }, preview: true };
  const reply = await post("/tasks/bulk", preview);
  expect(reply.data.count).toBe(count);
  expect(reply.data.first_ids).toContain(failed);
});

test("what waits is found by its payload, however much of the same has ended since", async () => {
  const payload = { shop: 5 };
  const waiting = await create({ task_type: "work", payload, ...later });
  const ids = await api.db.query<{ id: string }>(
    `insert into taskrun.history (job_id, task, state, payload, attempts, max_attempts, priority,
       created_at, run_at, finished_at)
     select $1::bigint + n, 'work', 'completed', $2, 1, 1, 0, now(), now(), now()
     from generate_series(1000, 11000) n returning job_id as id`,
    [waiting, payload],
  );
  const filter = { payload: ["shop=5"] };
  const asked = { operation: "cancel", filter, preview: true };
  expect((await post("/tasks/bulk", asked)).data).toMatchObject({ first_ids: [waiting] });
  const chosen = { ...filter, ids: [waiting, ...ids.rows.slice(0, 9_999).map(({ id }) => id)] };
  expect((await post("/tasks/bulk", { ...asked, filter: chosen })).data).toMatchObject({
    first_ids: [waiting],
  });
});
