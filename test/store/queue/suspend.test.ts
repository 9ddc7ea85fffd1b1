import { afterEach, beforeEach, expect, test } from "vitest";
import { settleCompleted } from "../../../src/store/queue/settle.ts";
import { suspendJobs, type WaitingSettlement } from "../../../src/store/queue/suspend.ts";
import { completed, type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

async function taken(options: Record<string, unknown> = {}) {
  const id = await q.add({ priority: -1, ...options });
  const [job] = await q.take("p", 1);
  if (job?.id !== id) throw new Error(`took ${job?.id}, not ${id}`);
  return job;
}

const waiting = (
  job: Awaited<ReturnType<typeof taken>>,
  jobs: string[],
  more: Partial<WaitingSettlement> = {},
): WaitingSettlement => ({ ...completed(job), jobs, ...more });

const suspend = (...batch: WaitingSettlement[]) => suspendJobs(q.db, q.schemas, batch);
const stateOf = async (id: string) => (await q.kit.job(id))?.state;

test("an attempt that waits does not count, and lets go of its job and its serial queue", async () => {
  const parent = await q.add();
  const job = await taken({ queue: "line" });
  const progressJson = '{"done":1,"total":2,"message":null}';
  expect(await suspend(waiting(job, [parent], { progressJson }))).toEqual(
    new Map([[job.id, "waiting"]]),
  );
  expect(await q.row(job.id)).toMatchObject({ attempts: 0, locked_by: null, locked_at: null });
  expect(await q.lockedQueues()).toEqual([]);
  expect(await q.kit.job(job.id)).toMatchObject({ state: "blocked", progress: { done: 1 } });
  const [taking] = await q.take("p");
  expect(taking?.id).toBe(parent);
});

test("a job runs again when those it waits for have ended, even before it was suspended", async () => {
  const [parent, job] = [await taken(), await taken()];
  await suspend(waiting(job, [parent.id]));
  expect(await stateOf(job.id)).toBe("blocked");
  await settleCompleted(q.db, q.schemas, [completed(parent)]);
  expect(await stateOf(job.id)).toBe("pending");
  const [again] = await q.take("p");
  if (again === undefined) throw new Error("it was due");
  expect(again.attempt).toBe(1);
  await suspend(waiting(again, [parent.id]));
  expect(await stateOf(job.id)).toBe("pending");
});

test("the failure of a job that is waited for ends the waiting, not the one that waits", async () => {
  const parent = await q.add();
  const job = await taken();
  await suspend(waiting(job, [parent]));
  await q.db.query("select taskrun.cancel_job($1)", [parent]);
  expect(await stateOf(job.id)).toBe("pending");
});

test("a job that is not ours any more is left as it is", async () => {
  const parent = await q.add();
  const job = await taken();
  await q.db.query("update graphile_worker._private_jobs set locked_by = 'o' where id = $1", [
    job.id,
  ]);
  const before = await q.row(job.id);
  expect(await suspend(waiting(job, [parent]))).toEqual(new Map());
  expect(await q.row(job.id)).toEqual(before);
});

test("a job whose key was taken over is reported, not suspended", async () => {
  const parent = await q.add();
  const job = await taken({ key: "k" });
  await q.add({ key: "k", run_at: "2100-01-01" });
  expect(await suspend(waiting(job, [parent]))).toEqual(new Map([[job.id, "superseded"]]));
  expect(await stateOf(job.id)).toBe("running");
});

test("two jobs that begin to wait for each other at the same moment are not both let", async () => {
  const [a, b] = [await taken(), await taken()];
  const ends = await Promise.allSettled([suspend(waiting(a, [b.id])), suspend(waiting(b, [a.id]))]);
  const refused = ends.filter((end) => end.status === "rejected");
  expect(refused).toHaveLength(1);
  expect(refused[0]?.reason.message).toMatch(/can't wait for jobs that wait for it/);
});
