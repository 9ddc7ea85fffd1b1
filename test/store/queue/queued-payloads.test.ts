import { afterEach, beforeEach, expect, test } from "vitest";
import { type QueuedPayload, queuedPayloads } from "../../../src/store/queue/queued-payloads.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";
import { addManyBySql } from "../../support/test-runtime.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

test("each job that has not ended comes once, over all pages, running ones too", async () => {
  await addManyBySql(q.kit, "t", 1203);
  await q.take("p", 2);
  const failed = await q.add();
  await q.db.query(
    "update graphile_worker._private_jobs set attempts = max_attempts where id = $1",
    [failed],
  );
  const found: QueuedPayload[] = [];
  for await (const each of queuedPayloads(q.db, q.schemas)) found.push(each);
  expect(found).toHaveLength(1203);
  expect(new Set(found.map(({ id }) => id)).size).toBe(1203);
  expect(found[0]).toEqual({ id: expect.any(String), task: "t", payload: '{"n" : 1}' });
});
