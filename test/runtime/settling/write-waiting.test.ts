import { afterEach, beforeEach, expect, test } from "vitest";
import type { EndedAttempt } from "../../../src/runtime/settling/write-batch.ts";
import { writeWaiting } from "../../../src/runtime/settling/write-waiting.ts";
import type { QueueJob } from "../../../src/store/queue/queue-job.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const waiting = (job: QueueJob, jobs: string[]): EndedAttempt => ({
  job,
  ran: true,
  outcome: { state: "waiting", jobs },
  startedAtMs: Date.now(),
  finishedAtMs: Date.now(),
  progressJson: null,
});

const write = (batch: EndedAttempt[], tries = 1) => writeWaiting(q.db, q.schemas, batch, tries);

test("says of each attempt what became of it: suspended, superseded or lost", async () => {
  const parent = await q.add({ run_at: "2100-01-01" });
  for (const key of ["a", "b", "c"]) await q.add({ key });
  const [suspended, superseded, lost] = await q.take("p", 3);
  if (!suspended || !superseded || !lost) throw new Error("three jobs were due");
  await q.add({ key: "b", run_at: "2100-01-01" });
  await q.db.query("update graphile_worker._private_jobs set locked_by = 'o' where key = 'c'");
  const batch = [suspended, superseded, lost].map((job) => waiting(job, [parent]));
  expect(await write(batch)).toEqual(
    new Map([
      [suspended.id, "waiting"],
      [superseded.id, "cancelled"],
    ]),
  );
  expect((await q.kit.job(superseded.id))?.error).toBe(
    "superseded by a newer job with the same key",
  );
});

test("an attempt that is sent again, its reply lost, counts as landed", async () => {
  const parent = await q.add({ run_at: "2100-01-01" });
  await q.add();
  const [job] = await q.take("p", 1);
  if (job === undefined) throw new Error("it was due");
  await write([waiting(job, [parent])]);
  expect(await write([waiting(job, [parent])])).toEqual(new Map());
  expect(await write([waiting(job, [parent])], 2)).toEqual(new Map([[job.id, "waiting"]]));
  expect((await q.kit.job(job.id))?.state).toBe("blocked");
});
