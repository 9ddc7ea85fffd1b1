import { afterEach, beforeEach, expect, test } from "vitest";
import { listErrorGroups, listGroupJobs } from "../../src/store/error-groups.ts";
import { listJobs } from "../../src/store/jobs.ts";
import { nameFailures } from "../../src/store/queue/name-failures.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addBySql, addManyBySql, testRuntime } from "../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let kit: TestRuntime;

beforeEach(async () => {
  kit = await testRuntime({
    charge: async ({ n }: { n: number }) => {
      throw new TypeError(`PERMANENT: no order ${n}`);
    },
    refund: async () => {
      throw new Error("PERMANENT: closed");
    },
    good: async () => 1,
  });
});

afterEach(() => kit.stop());

test("failed jobs are one group for each fault, the one that hit last first", async () => {
  await addManyBySql(kit, "charge", 3);
  await kit.drain();
  const other = await addBySql(kit, "refund");
  await addBySql(kit, "good");
  await kit.drain();
  const groups = await listErrorGroups(kit.db, schemas);
  expect(groups).toMatchObject([
    {
      task: "refund",
      error_name: "Error",
      error_message: "PERMANENT: closed",
      count: 1,
      example_id: other,
    },
    {
      task: "charge",
      error_name: "TypeError",
      count: 3,
      frame: expect.stringContaining("error-groups.test.ts"),
    },
  ]);
  const [refund, charge] = groups;
  expect(charge!.first_seen <= charge!.last_seen).toBe(true);
  expect(await listGroupJobs(kit.db, schemas, charge!.fingerprint)).toHaveLength(3);
  expect(await listGroupJobs(kit.db, schemas, refund!.fingerprint)).toEqual([other]);
  expect(await listErrorGroups(kit.db, schemas, { task: "charge" })).toEqual([charge]);
  const later = new Date(Date.now() + 60_000);
  expect(await listErrorGroups(kit.db, schemas, { since: later })).toEqual([]);
});

test("a job that was retried, or completed since, is in no group", async () => {
  await addBySql(kit, "refund");
  await kit.drain();
  await kit.db.query("update graphile_worker._private_jobs set attempts = 0, run_at = 'infinity'");
  expect(await listErrorGroups(kit.db, schemas)).toEqual([]);
});

test("jobs that failed elsewhere, without a record, are grouped by their last error", async () => {
  for (const n of [1, 2]) {
    const id = await addBySql(kit, "good");
    await kit.db.query(
      `update graphile_worker._private_jobs set attempts = max_attempts,
       last_error = 'lost ' || $2 where id = $1`,
      [id, n],
    );
  }
  expect(await listErrorGroups(kit.db, schemas)).toMatchObject([
    { task: "good", error_name: null, error_message: "lost 2", frame: null, count: 2 },
  ]);
});

test("more failures than a page holds are all counted", async () => {
  await kit.db.query(
    `insert into taskrun.history (job_id, task, state, error, attempts, max_attempts, priority,
       created_at, run_at, finished_at)
     select n, 'charge', 'failed', 'no ' || n, 1, 1, 0, now(), now(), now()
     from generate_series(100001, 102500) n`,
  );
  while (await nameFailures(kit.db, schemas));
  expect(await listErrorGroups(kit.db, schemas)).toMatchObject([{ count: 2500 }]);
  const [group] = await listErrorGroups(kit.db, schemas);
  expect(await listGroupJobs(kit.db, schemas, group!.fingerprint)).toHaveLength(2500);
});

test("a group is the same before and after its fault has been named, and half way", async () => {
  await addManyBySql(kit, "charge", 2);
  await kit.drain();
  const before = await listErrorGroups(kit.db, schemas);
  while (await nameFailures(kit.db, schemas));
  expect(await listErrorGroups(kit.db, schemas)).toEqual(before);
  await addManyBySql(kit, "charge", 1);
  await kit.drain();
  const [group] = await listErrorGroups(kit.db, schemas);
  expect(group).toMatchObject({ fingerprint: before[0]!.fingerprint, count: 3 });
  expect(group!.first_seen).toEqual(before[0]!.first_seen);
  expect(await listGroupJobs(kit.db, schemas, group!.fingerprint)).toHaveLength(3);
  const jobs = await listJobs(kit.db, schemas, { fingerprint: group!.fingerprint });
  expect(jobs.map(({ id }) => id)).toEqual(
    (await listGroupJobs(kit.db, schemas, group!.fingerprint)).reverse(),
  );
});
