import { afterAll, beforeAll, expect, test } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import { readJobStory } from "../../src/store/job-story.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let kit: TestRuntime;

beforeAll(async () => {
  kit = await testRuntime({
    parent: async (_: unknown, ctx: TaskContext) => {
      for (let n = 1; n <= 30; n += 1) ctx.log.info(`line ${n}`);
      return (await ctx.enqueue("child")).id;
    },
    child: async () => "done",
    fail: {
      retry: { maxAttempts: 2, baseDelay: 0 },
      handler: () => Promise.reject(new Error("x")),
    },
  });
});

afterAll(() => kit.stop());

test("a finished job has its relatives and its last lines, and needs no explanation", async () => {
  const { id } = await kit.enqueue("parent");
  await kit.drain();
  const childId = (await kit.job(id))?.output as string; // why: what the handler returned
  const story = await readJobStory(kit.db, schemas, id, { logLines: 20 });
  expect(story).toMatchObject({
    job: { id, state: "completed", output: childId },
    failed_attempts: [],
    steps: [],
    parent: null,
    children: [{ id: childId, task: "child", state: "completed" }],
    waits_for: [],
    waited_for_by: [],
    explanation: null,
  });
  expect(story?.logs.map(({ message }) => message)).toEqual(
    Array.from({ length: 20 }, (_, index) => `line ${11 + index}`),
  );
  const child = await readJobStory(kit.db, schemas, childId, { logLines: 0 });
  expect(child).toMatchObject({ parent: { id, task: "parent", state: "completed" }, logs: [] });
});

test("a failed job has its attempts, the first one first, and the reason", async () => {
  const { id } = await kit.enqueue("fail");
  await kit.drain();
  const story = await readJobStory(kit.db, schemas, id, { logLines: 20 });
  expect(story).toMatchObject({
    job: { state: "failed" },
    failed_attempts: [{ attempt: 1 }, { attempt: 2 }],
    explanation: { reason: "attempts-exhausted" },
  });
});

test("jobs that wait for each other are told from both sides; what is gone is told so", async () => {
  const { id } = await kit.enqueue("child", {}, { delay: "1h" });
  const { rows } = await kit.db.query("select taskrun.add_job('child', '{}', $1) as id", [
    { after: [id] },
  ]);
  const waiting: string = rows[0].id;
  await kit.db.query("alter table taskrun.dependencies disable trigger user");
  await kit.db.query("insert into taskrun.dependencies (job_id, parent_id) values ($1, 77777)", [
    waiting,
  ]);
  const story = await readJobStory(kit.db, schemas, waiting, { logLines: 20 });
  expect(story?.waits_for).toEqual([
    { id, task: "child", state: "scheduled" },
    { id: "77777", task: null, state: null },
  ]);
  const other = await readJobStory(kit.db, schemas, id, { logLines: 20 });
  expect(other?.waited_for_by).toEqual([{ id: waiting, task: "child", state: "blocked" }]);
});

test("steps are told in their order", async () => {
  const { id } = await kit.enqueue("child", {}, { delay: "1h" });
  await kit.db.query(
    `insert into taskrun.steps (job_id, name, state, compensable, result, attempt, started_at)
     values ($1, 'reserve', 'compensated', true, '{"hold":7}', 1, now()),
       ($1, 'charge', 'done', false, null, 2, now())`,
    [id],
  );
  expect((await readJobStory(kit.db, schemas, id, { logLines: 20 }))?.steps).toMatchObject([
    { name: "reserve", state: "compensated", compensable: true, result: { hold: 7 }, attempt: 1 },
    { name: "charge", state: "done", compensable: false, result: null, attempt: 2 },
  ]);
});

test("there is no story of a job that isn't there", async () => {
  expect(await readJobStory(kit.db, schemas, "99999", { logLines: 20 })).toBeNull();
});
