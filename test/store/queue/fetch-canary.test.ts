import { afterEach, beforeEach, expect, test } from "vitest";
import { fetchCanary } from "../../../src/store/queue/fetch-canary.ts";
import { registerTaskNames } from "../../../src/store/queue/register-task-names.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";
import { addManyBySql } from "../../support/test-runtime.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

async function fetch(processId = "p", pausedQueues: string[] = []) {
  const taskNames = await registerTaskNames(q.db, q.schemas, ["t", "old:t"]);
  const request = { processId, taskNames, task: "t", pausedQueues, leaseMs: 60_000 };
  return fetchCanary(q.db, q.schemas, request);
}

async function setBreaker(state: string, more = ""): Promise<void> {
  await q.db.query(
    `insert into taskrun.breakers (task, state, successes, open_until) values ('t', $1, 1, now())
     on conflict (task) do update set state = excluded.state, successes = 1, open_until = now(),
       canary_process = null, canary_until = null`,
    [state],
  );
  if (more !== "") await q.db.query(`update taskrun.breakers set ${more}`);
}

async function breaker() {
  const { rows } = await q.db.query(
    `select state, successes, canary_process, canary_until > now() as claimed
     from taskrun.breakers where task = 't'`,
  );
  return rows[0];
}

test("the best job of the task, by any of its names, comes with the claim", async () => {
  await setBreaker("open");
  await q.add({}, {}, "t");
  const best = await q.add({ priority: -1 }, {}, "old:t");
  expect(await fetch()).toMatchObject({ id: best, task: "old:t", attempt: 1 });
  expect(await breaker()).toEqual({
    state: "half_open",
    successes: 0,
    canary_process: "p",
    claimed: true,
  });
});

test("of many who ask at the same moment one gets one job, and no other job is touched", async () => {
  await setBreaker("open");
  await addManyBySql(q.kit, "t", 20);
  const asked = Array.from({ length: 8 }, (_, n) => fetch(`p${n}`));
  const got = (await Promise.all(asked)).filter((job) => job !== null);
  expect(got).toHaveLength(1);
  const { rows } = await q.db.query(
    "select sum(attempts)::int as attempts, count(locked_by)::int as locks from graphile_worker._private_jobs",
  );
  expect(rows).toEqual([{ attempts: 1, locks: 1 }]);
});

test("a job of a serial queue comes with its queue's lock; a paused queue's doesn't come", async () => {
  await setBreaker("half_open");
  await q.add({ queue: "line" });
  expect(await fetch("p", ["line"])).toBeNull();
  expect(await q.lockedQueues()).toEqual([]);
  expect(await fetch()).toMatchObject({ queue: "line" });
  expect(await q.lockedQueues()).toEqual(["line"]);
  expect(await breaker()).toMatchObject({ successes: 1 });
});

test("where there is no due job, nobody claims anything", async () => {
  await setBreaker("open");
  await q.add({ delay: 60_000 });
  expect(await fetch()).toBeNull();
  expect(await breaker()).toMatchObject({ state: "open", canary_process: null });
});

test.each([
  ["it is closed", "closed", ""],
  ["its time has not come", "open", "open_until = now() + interval '1 minute'"],
  [
    "somebody has claimed it",
    "half_open",
    "canary_process = 'q', canary_until = now() + interval '1 minute'",
  ],
])("nothing comes while %s", async (_, state, more) => {
  await setBreaker(state, more);
  const id = await q.add();
  expect(await fetch()).toBeNull();
  expect(await q.row(id)).toMatchObject({ attempts: 0, locked_by: null });
});

test("a claim that was not renewed in time is anybody's again", async () => {
  await setBreaker("half_open", "canary_process = 'dead', canary_until = now()");
  await q.add();
  expect(await fetch()).not.toBeNull();
  expect(await breaker()).toMatchObject({ canary_process: "p", successes: 1 });
});
