import { afterAll, beforeAll, expect, test } from "vitest";
import type { TaskContext } from "../../../src/core/context.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { type HttpApi, httpApi } from "../../support/http-api.ts";
import { testRuntime } from "../../support/test-runtime.ts";

let runtime: TestRuntime;
let api: HttpApi;

beforeAll(async () => {
  runtime = await testRuntime({
    greet: async (payload: { name?: string }) => ({ hello: payload.name ?? "nobody" }),
    chat: async (_: unknown, ctx: TaskContext) => {
      for (const line of ["one", "two", "three"]) ctx.log.info({ line }, line);
    },
    fail: {
      retry: { maxAttempts: 1 },
      handler: async () => {
        throw new TypeError("<script>no luck</script>");
      },
    },
  });
  api = await httpApi({ runtime });
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await runtime.stop();
});

async function create(json: object): Promise<string> {
  return (await api.ask("/tasks", { json })).body.data.id;
}

test("a job that completed is shown with its output and its times", async () => {
  const id = await create({ task_type: "greet", payload: { name: "Ada" }, metadata: { a: 1 } });
  await runtime.drain();
  const { data } = (await api.ask(`/tasks/${id}`)).body;
  expect(data).toMatchObject({
    status: "completed",
    output: { hello: "Ada" },
    metadata: { a: 1 },
    error: null,
    attempts: [],
    current_attempt: 1,
    created_by: null,
    wait_ms: expect.any(Number),
    run_ms: expect.any(Number),
    started_at: expect.stringMatching(/Z$/),
    completed_at: expect.stringMatching(/Z$/),
  });
});

test("a job that failed is shown with each attempt and its error", async () => {
  const id = await create({ task_type: "fail" });
  await runtime.drain();
  const { data } = (await api.ask(`/tasks/${id}`)).body;
  expect(data).toMatchObject({
    status: "failed",
    error: expect.stringContaining("no luck"),
    attempts: [
      {
        attempt: 1,
        state: "failed",
        error: { name: "TypeError", stack: expect.stringContaining("at ") },
      },
    ],
  });
  const failed = (await api.ask("/tasks?status=failed&limit=5")).body;
  expect(failed.data.map((one: { id: string }) => one.id)).toContain(id);
});

test("lists go on where the page before ended, each job once", async () => {
  const ids: string[] = [];
  for (let n = 0; n < 7; n += 1) ids.unshift(await create({ task_type: "greet", queue: "pages" }));
  const seen: string[] = [];
  let cursor: string | null = null;
  const sizes: number[] = [];
  do {
    const next: string = cursor === null ? "" : `&cursor=${cursor}`;
    const { body } = await api.ask(`/tasks?queue=pages&limit=3${next}`);
    sizes.push(body.data.length);
    seen.push(...body.data.map(({ id }: { id: string }) => id));
    cursor = body.next_cursor;
  } while (cursor !== null);
  expect(seen).toEqual(ids);
  expect(sizes).toEqual([3, 3, 1]);
  expect((await api.ask("/tasks?queue=pages&limit=7")).body.next_cursor).toBeNull();
});

test("lists are chosen by status, task_type, correlation and time", async () => {
  const id = await create({
    task_type: "greet",
    scheduled_at: "2090-01-01T00:00:00+01:00",
    correlation_id: "here",
  });
  const list = async (query: string) =>
    (await api.ask(`/tasks?${query}`)).body.data.map((one: { id: string }) => one.id);
  expect(await list("status=scheduled")).toEqual([id]);
  expect(await list("status=scheduled&task_type=fail")).toEqual([]);
  expect(await list("correlation_id=here")).toEqual([id]);
  expect(await list("status=scheduled&since=2089-01-01T00:00:00Z")).toEqual([]);
  expect(await list("status=scheduled&until=2089-01-01T00:00:00Z")).toEqual([id]);
});

test.each([
  ["limit=0", "query.limit"],
  ["limit=501", "query.limit"],
  ["limit=many", "query.limit"],
  ["cursor=x", "query.cursor"],
  ["status=done", "query.status"],
  ["since=yesterday", "query.since"],
  ["state=failed", "query.state"],
  ["limit=1&limit=2", "query.limit"],
])("?%s is refused at %s", async (query, path) => {
  const { status, body } = await api.ask(`/tasks?${query}`);
  expect([status, body.error.code]).toEqual([400, "bad-query"]);
  expect(body.error.issues[0].path).toBe(path);
});

test("statistics count by status, and by task_type", async () => {
  const { data } = (await api.ask("/tasks/stats")).body;
  const sum = data.task_types.reduce((all: number, { total }: { total: number }) => all + total, 0);
  expect(data.total).toBe(sum);
  expect(data).toMatchObject({ failed: 1, scheduled: 1, run_ms: { p50: expect.any(Number) } });
  const of = (await api.ask("/tasks/stats?task_type=fail")).body.data;
  expect(of).toMatchObject({ total: 1, failed: 1, completed: 0 });
});

test("a job is explained in one sentence", async () => {
  const id = await create({ task_type: "greet", scheduled_at: "2090-01-01T00:00:00Z" });
  const { data } = (await api.ask(`/tasks/${id}/explain`)).body;
  expect(data).toMatchObject({ id, status: "scheduled", sentence: expect.any(String) });
  expect((await api.ask(`/tasks/${id}`)).body.data.explanation).toContain("2090-01-01");
});

test.each(["/tasks/999999999", "/tasks/999999999/explain", "/tasks/uuid-here", "/tasks/1e3"])(
  "%s is no task",
  async (path) => {
    const { status, body } = await api.ask(path);
    expect([status, body.error.code]).toEqual([404, "job-not-found"]);
  },
);

test("tasks are found by what their payloads have at a path, wherever they are", async () => {
  const done = await create({ task_type: "greet", payload: { user: { id: 7, tags: ["a"] } } });
  await runtime.drain();
  const later = { task_type: "greet", scheduled_at: "2090-01-01T00:00:00Z" };
  const waiting = await create({ ...later, payload: { user: { id: "7", name: "a=b" } } });
  await runtime.db.query(
    `insert into taskrun.history (job_id, task, state, payload, attempts, max_attempts, priority,
       created_at, run_at, finished_at)
     values (987654, 'greet', 'completed', '{"user":{"id":"\\u0000"}}', 1, 1, 0,
       now(), now(), now())`,
  );
  const found = async (query: string) =>
    (await api.ask(`/tasks?${query}`)).body.data.map((one: { id: string }) => one.id);
  expect(await found("payload=user.id%3D7")).toEqual([waiting, done]);
  expect(await found("payload=user.id%3D7&payload=user.name%3Da%3Db")).toEqual([waiting]);
  expect(await found("payload=user.tags.0%3Da&status=completed")).toEqual([done]);
  expect(await found("payload=user.id%3D8")).toEqual([]);
  expect(await api.ask("/tasks?payload=user")).toMatchObject({ status: 400 });
});

test("the lines that attempts logged are read, and read on", async () => {
  const id = await create({ task_type: "chat" });
  await runtime.drain();
  const read = async (query: string) => (await api.ask(`/tasks/${id}/logs?${query}`)).body;
  await expect.poll(async () => (await read("")).data.length).toBe(3);
  const { data, next_after } = await read("limit=2");
  expect(data).toMatchObject([
    { message: "one", level: "info", attempt: 1, fields: { line: "one" } },
    { message: "two" },
  ]);
  const rest = await read(`after=${next_after}`);
  expect(rest.data).toMatchObject([{ message: "three" }]);
  expect(await read(`after=${rest.next_after}`)).toMatchObject({
    data: [],
    next_after: rest.next_after,
  });
  expect((await read("attempt=2")).data).toEqual([]);
  expect((await api.ask("/tasks/999999999/logs")).status).toBe(404);
});
