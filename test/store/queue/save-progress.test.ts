import { afterEach, beforeEach, expect, test } from "vitest";
import { saveProgress } from "../../../src/store/queue/save-progress.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const half = { done: 1, total: 2, message: "half" };

test("the newest progress of a running job is kept beside what it was enqueued with", async () => {
  const id = await q.add({ metadata: { a: 1 } });
  await q.take("p");
  await saveProgress(q.db, q.schemas, [[id, { done: 0, total: null, message: null }]]);
  await saveProgress(q.db, q.schemas, [[id, half]]);
  expect(await q.kit.job(id)).toMatchObject({
    state: "running",
    progress: half,
    metadata: { a: 1 },
  });
});

test("progress of a job that is gone, or waits again, leaves nothing behind", async () => {
  const waiting = await q.add();
  await saveProgress(q.db, q.schemas, [
    ["4711", half],
    [waiting, half],
  ]);
  const { rows } = await q.db.query("select * from taskrun.job_details");
  expect(rows).toEqual([]);
});
