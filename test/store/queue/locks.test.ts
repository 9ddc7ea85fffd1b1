import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  freeExpiredLocks,
  heldJobs,
  holdsNoLock,
  lockHolders,
  refreshLocks,
} from "../../../src/store/queue/locks.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const age = (interval: string) =>
  q.db.query(
    `with jobs as (
       update graphile_worker._private_jobs set locked_at = now() - $1::interval
       where locked_at is not null
     ) update graphile_worker._private_job_queues set locked_at = now() - $1::interval
     where locked_at is not null`,
    [interval],
  );

test("lockHolders names those that hold a job or a serial queue", async () => {
  await q.add();
  await q.take("one");
  await q.add({ queue: "line" });
  await q.take("two");
  await q.db.query("update graphile_worker._private_jobs set locked_by = null, locked_at = null");
  await q.take("three");
  const holders = await lockHolders(q.db, q.schemas, ["one", "two", "three", "four"]);
  expect([...holders].sort()).toEqual(["three", "two"]);
  expect(await lockHolders(q.db, q.schemas, [])).toEqual(new Set());
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
