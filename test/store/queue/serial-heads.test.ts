import { afterEach, beforeEach, expect, test } from "vitest";
import { serialHeads } from "../../../src/store/queue/serial-heads.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";
import { addManyBySql } from "../../support/test-runtime.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

/** More than are looked at before the queues are visited one by one. */
const manyJobs = 300;

async function lockQueue(name: string): Promise<void> {
  await q.db.query(
    `update graphile_worker._private_job_queues set locked_by = 'x', locked_at = now()
     where queue_name = $1`,
    [name],
  );
}

async function addToQueue(name: string, count: number, priority: string): Promise<void> {
  await q.db.query(
    `select taskrun.add_job('t', '{}', jsonb_build_object('queue', $1::text, 'priority', $3::text))
     from generate_series(1, $2::int)`,
    [name, count, priority],
  );
}

test("the first of each queue come in their order, whatever the queues' own is", async () => {
  const last = await q.add({ queue: "a", priority: "low" });
  const first = await q.add({ queue: "c", priority: "high" });
  const second = await q.add({ queue: "b" });
  await q.add({ queue: "c" });
  expect((await q.take("p", 2)).map(({ id }) => id)).toEqual([first, second]);
  expect((await q.take("p", 2)).map(({ id }) => id)).toEqual([last]);
  expect(await q.lockedQueues()).toEqual(["a", "b", "c"]);
});

test("any number of jobs behind busy queues don't hide those of a free one", async () => {
  await addToQueue("busy", manyJobs, "high");
  await lockQueue("busy");
  const free = await q.add({ queue: "free", priority: "low" });
  expect((await q.take("p", 5)).map(({ id }) => id)).toEqual([free]);
});

test("any number of jobs in one queue leave room for the heads of others", async () => {
  await addToQueue("long", manyJobs, "high");
  await addToQueue("other", 2, "low");
  const jobs = await q.take("p", 5);
  expect(jobs.map(({ queue }) => queue)).toEqual(["long", "other"]);
  expect(await q.lockedQueues()).toEqual(["long", "other"]);
});

test("queues with nothing due are not visited", async () => {
  await q.db.query(
    `select taskrun.add_job('t', '{}',
       jsonb_build_object('queue', 'q' || n, 'delay', '1 hour')) from generate_series(1, 1000) n`,
  );
  await addManyBySql(q.kit, "t", 3);
  const statement = `with recursive ${serialHeads("graphile_worker", { tasks: "$1" })}
    select * from heads`;
  const { rows } = await q.db.query(
    `explain (analyze, format json) ${statement
      .replaceAll("$1", "(select array_agg(id) from graphile_worker._private_tasks)")
      .replaceAll("$3", "24")}`,
  );
  const visited = actualRows(rows[0]["QUERY PLAN"][0].Plan, "CTE waiting");
  expect(visited).toBe(0);
});

interface PlanNode {
  readonly "Subplan Name"?: string;
  readonly "Actual Rows": number;
  readonly Plans?: readonly PlanNode[];
}

/** Of a part of a plan; 0 when it was never asked for. */
function actualRows(node: PlanNode, name: string): number {
  if (node["Subplan Name"] === name) return node["Actual Rows"];
  return (node.Plans ?? []).reduce((sum, each) => sum + actualRows(each, name), 0);
}
