import { afterAll, beforeAll, expect, test } from "vitest";
import { cancelJob } from "../../../src/store/operations.ts";
import { openCancellations, sweepCancellations } from "../../../src/store/queue/cancellations.ts";
import { settleOthers } from "../../../src/store/queue/settle-others.ts";
import { ended, type QueueKit, queueKit } from "../../support/queue-kit.ts";

let queue: QueueKit;

beforeAll(async () => {
  queue = await queueKit();
});

afterAll(() => queue.stop());

test("a process sees requests for its own jobs and for those that nobody runs any more", async () => {
  const { db, schemas } = queue;
  const open = (processId: string) => openCancellations(db, schemas, processId);
  const id = await queue.add();
  const [job] = await queue.take("taskrun-1-aa");
  expect(await open("taskrun-1-aa")).toEqual([]);
  await cancelJob(db, schemas, id, { reason: "not wanted", requestedBy: "ann" });
  const request = { id, note: "not wanted (cancelled by ann)" };
  expect(await open("taskrun-1-aa")).toEqual([{ ...request, running: true }]);
  expect(await open("taskrun-2-bb")).toEqual([]);
  await settleOthers(db, schemas, [ended(job!, "returned")]);
  for (const processId of ["taskrun-1-aa", "taskrun-2-bb"]) {
    expect(await open(processId)).toEqual([{ ...request, running: false }]);
  }
  expect(await sweepCancellations(db, schemas, [])).toEqual([{ id, state: "cancelled" }]);
  expect(await open("taskrun-2-bb")).toEqual([]);
});
