import type pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WholeLook } from "../../../src/runtime/fetching/whole-look.ts";
import type { LookRequest } from "../../../src/store/queue/fetch.ts";
import { registerTaskNames } from "../../../src/store/queue/register-task-names.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
let sent: (string | undefined)[];
let whole: WholeLook;
let request: Omit<LookRequest, "limit">;
let look: (limit: number) => Promise<string[]>;

beforeEach(async () => {
  q = await queueKit();
  sent = [];
  const query = async (config: pg.QueryConfig) => {
    sent.push(config.name);
    return q.db.query(config);
  };
  const db: pg.Pool = new Proxy(q.db, {
    get: (target, key) => (key === "query" ? query : Reflect.get(target, key, target)),
  });
  whole = new WholeLook(db, q.schemas);
  request = {
    processId: "p",
    taskNames: await registerTaskNames(q.db, q.schemas, ["t"]),
  };
  look = async (limit) => {
    const jobs = await whole.fetch({ ...request, limit });
    return jobs.map(({ id }) => id);
  };
});
afterEach(() => q.stop());

test("asks once where all jobs are plain, and gets what is due in its order", async () => {
  await q.add({ delay: 60_000 });
  const [first, second] = [await q.add({}), await q.add({})];
  const critical = await q.add({ priority: "critical" });
  expect(await look(2)).toEqual([critical, first]);
  expect(await look(2)).toEqual([second]);
  expect(sent).toEqual(["taskrun fetch if plain, few tasks", "taskrun fetch if plain, few tasks"]);
});

test("takes a job with what it was enqueued with, and the others beside it", async () => {
  const plain = await q.add({});
  const detailed = await q.add({ timeout: "1234ms" });
  const jobs = await whole.fetch({ ...request, limit: 5 });
  expect(jobs.map(({ id }) => id)).toEqual([plain, detailed]);
  expect(jobs.map(({ timeoutMs }) => timeoutMs)).toEqual([null, 1234]);
  expect(sent).toEqual(["taskrun fetch if plain, few tasks", "taskrun fetch"]);
});

test("takes serial jobs in their place among the others, and asks for them at once from then on", async () => {
  const plain = await q.add({});
  const line = await q.add({ priority: "high", queue: "line" });
  const behind = await q.add({ queue: "line" });
  expect(await look(1)).toEqual([line]);
  expect(await look(5)).toEqual([plain]);
  expect(await look(5)).toEqual([]);
  expect(sent).toEqual([
    "taskrun fetch if plain, few tasks",
    ...["taskrun fetch", "taskrun fetch", "taskrun fetch"],
  ]);
  await q.db.query("delete from graphile_worker._private_jobs where id = $1", [line]);
  await q.db.query(
    "update graphile_worker._private_job_queues set locked_at = null, locked_by = null",
  );
  expect(await look(5)).toEqual([behind]);
});
