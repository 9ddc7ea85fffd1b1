import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  freeExpiredLocks,
  heldJobs,
  holdsNoLock,
  refreshLocks,
  rescueJobs,
} from "../../../src/store/queue/locks.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

async function rescue(processId: string) {
  const client = await q.db.connect();
  try {
    return await rescueJobs(client, q.schemas, processId, "process died (test)");
  } finally {
    client.release();
  }
}

const age = (interval: string) =>
  q.db.query(
    `with jobs as (
       update graphile_worker._private_jobs set locked_at = now() - $1::interval
       where locked_at is not null
     ) update graphile_worker._private_job_queues set locked_at = now() - $1::interval
     where locked_at is not null`,
    [interval],
  );

describe("rescueJobs", () => {
  test("frees a dead process's jobs and serial queues, with the reason, and nobody else's", async () => {
    const lost = await q.add({ queue: "lost" });
    await q.take("dead");
    const kept = await q.add({ queue: "kept" });
    await q.take("alive");
    expect(await rescue("dead")).toEqual({ retried: 1, failed: 0 });
    expect(await q.row(lost)).toMatchObject({
      locked_by: null,
      locked_at: null,
      attempts: 1,
      last_error: "process died (test)",
      later: true,
    });
    expect(await q.row(kept)).toMatchObject({ locked_by: "alive" });
    expect(await q.lockedQueues()).toEqual(["kept"]);
    const { rows } = await q.db.query("select job_id, attempt, state, rule from taskrun.attempts");
    expect(rows).toEqual([{ job_id: lost, attempt: 1, state: "retrying", rule: "process-died" }]);
  });

  test("a last attempt has failed, with what was enqueued with the job in its record", async () => {
    const id = await q.add({ max_attempts: 1, metadata: { a: 1 }, correlation_id: "c" });
    await q.take("dead");
    expect(await rescue("dead")).toEqual({ retried: 0, failed: 1 });
    expect(await q.kit.job(id)).toMatchObject({ state: "failed", attempts: 1 });
    const { rows } = await q.db.query("select * from taskrun.history");
    expect(rows).toMatchObject([
      { state: "failed", metadata: { a: 1 }, correlation_id: "c", process: "dead" },
    ]);
  });

  test("doing it twice changes nothing more", async () => {
    const id = await q.add();
    await q.take("dead");
    await rescue("dead");
    const row = await q.row(id);
    expect(await rescue("dead")).toEqual({ retried: 0, failed: 0 });
    expect(await q.row(id)).toEqual(row);
  });

  test("a job with thousands of attempts is rescued like any other", async () => {
    const id = await q.add({ max_attempts: 32_767 });
    await q.take("dead");
    await q.db.query("update graphile_worker._private_jobs set attempts = 20000");
    expect(await rescue("dead")).toEqual({ retried: 1, failed: 0 });
    expect(await q.row(id)).toMatchObject({ locked_by: null });
  });
});

describe("freeExpiredLocks", () => {
  test("frees locks of four hours, of jobs and queues, and leaves younger ones", async () => {
    const id = await q.add({ queue: "line" });
    await q.take("plain-worker");
    await age("3 hours 59 minutes");
    expect(await freeExpiredLocks(q.db, q.schemas, [])).toBe(0);
    await age("4 hours 1 minute");
    expect(await freeExpiredLocks(q.db, q.schemas, [])).toBe(1);
    expect(await q.row(id)).toMatchObject({ locked_by: null, attempts: 1 });
    expect(await q.lockedQueues()).toEqual([]);
  });

  test("leaves the locks of our own processes: those are broken when they are silent", async () => {
    await q.db.query(
      "insert into taskrun.processes (id, host, pid, version) values ('ours', 'h', 1, '0')",
    );
    const registered = await q.add();
    await q.take("ours");
    const mine = await q.add();
    await q.take("me");
    await age("5 hours");
    expect(await freeExpiredLocks(q.db, q.schemas, ["me"])).toBe(0);
    expect(await q.row(registered)).toMatchObject({ locked_by: "ours" });
    expect(await q.row(mine)).toMatchObject({ locked_by: "me" });
  });
});

test("refreshLocks makes the named jobs' locks young, and their queues', if they are ours", async () => {
  const running = await q.add({ queue: "line" });
  const other = await q.add();
  await q.take("p");
  const theirs = await q.add({ queue: "theirs" });
  await q.take("o");
  await age("3 hours");
  await refreshLocks(q.db, q.schemas, "p", [running, theirs]);
  const { rows } = await q.db.query(
    `select id from graphile_worker._private_jobs where locked_at > now() - interval '1 hour'`,
  );
  expect(rows).toEqual([{ id: running }]);
  const { rows: queues } = await q.db.query(
    `select queue_name from graphile_worker._private_job_queues
     where locked_at > now() - interval '1 hour'`,
  );
  expect(queues).toEqual([{ queue_name: "line" }]);
  expect(await q.row(other)).toMatchObject({ locked_by: "p" });
});

test("heldJobs lists what the queue says a process holds, with the attempt's number", async () => {
  const id = await q.add();
  await q.take("p");
  await q.add();
  expect(await heldJobs(q.db, q.schemas, "p")).toEqual([{ id, attempt: 1 }]);
  expect(await heldJobs(q.db, q.schemas, "nobody")).toEqual([]);
});

test("holdsNoLock is a condition on the column of an id", async () => {
  await q.add();
  await q.take("busy");
  const { rows } = await q.db.query(
    `select id from (values ('busy'), ('idle')) as p(id) where ${holdsNoLock(q.schemas, "p.id")}`,
  );
  expect(rows).toEqual([{ id: "idle" }]);
});
