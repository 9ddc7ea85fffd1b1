import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type CountedFault,
  countFaults,
  listFaultJobs,
} from "../../../src/store/queue/count-faults.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { plannedPool } from "../../support/query-plans.ts";
import { testRuntime } from "../../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let kit: TestRuntime;
beforeEach(async () => {
  kit = await testRuntime({});
});
afterEach(() => kit.stop());

/** The n-th failed n seconds ago, of one of `faults` faults. */
async function addFailures(count: number, faults: number, step = "1 s"): Promise<void> {
  await kit.db.query(
    `insert into taskrun.failures (job_id, task, fingerprint, failed_at)
     select n, 'task-' || n % 2, 'fault-' || n % $2, now() - n * $3::interval
     from generate_series(1, $1) n`,
    [count, faults, step],
  );
}

async function pages(limit: number): Promise<CountedFault[][]> {
  const found: CountedFault[][] = [];
  let cursor: string | undefined;
  do {
    const more = cursor === undefined ? {} : { cursor };
    const page = await countFaults(kit.db, schemas, { limit, ...more });
    found.push([...page.faults]);
    cursor = page.next?.cursor;
  } while (cursor !== undefined);
  return found;
}

const countOf = (faults: readonly CountedFault[]): number =>
  faults.reduce((sum, { count }) => sum + count, 0);

test("faults are counted, the one that hit last first, with its newest job", async () => {
  await addFailures(100, 4);
  const [faults] = await pages(10);
  expect(faults!.map(({ fingerprint }) => fingerprint)).toEqual([
    "fault-1",
    "fault-2",
    "fault-3",
    "fault-0",
  ]);
  expect(faults![0]).toMatchObject({ count: 25, example_id: "1", task: "task-1" });
  const one = await countFaults(kit.db, schemas, { limit: 9, task: "task-0" });
  expect(one.faults.map(({ fingerprint }) => fingerprint)).toEqual(["fault-2", "fault-0"]);
  const { rows } = await kit.db.query(
    "select failed_at - interval '0.5 s' as since from taskrun.failures where job_id = 50",
  );
  const [{ since }] = rows;
  expect(countOf((await countFaults(kit.db, schemas, { limit: 9, since })).faults)).toBe(50);
});

test("pages of few faults, and of many failures, add up to all", async () => {
  await addFailures(2_000, 500, "1 ms");
  const few = await pages(100);
  expect(few.length).toBeGreaterThan(5);
  expect(countOf(few.flat())).toBe(2_000);
  await kit.db.query("truncate taskrun.failures");
  await addFailures(45_000, 1_000, "1 ms");
  const many = await pages(5_000);
  expect(many.map(countOf)).toEqual([20_000, 20_000, 5_000]);
});

test("more faults at one moment than a page takes are on it all the same", async () => {
  await addFailures(300, 300, "0 s");
  const found = await pages(10);
  expect(countOf(found.flat())).toBe(300);
});

test("a job that was queued again by others isn't counted, one that left the queue is", async () => {
  await kit.db.query("select count(taskrun.add_job('a')) from generate_series(1, 3)");
  await addFailures(4, 1);
  await kit.db.query(
    "update graphile_worker._private_jobs set attempts = max_attempts where id <> 2",
  );
  const { faults } = await countFaults(kit.db, schemas, { limit: 5 });
  expect(faults).toMatchObject([{ count: 3 }]);
  expect(await listFaultJobs(kit.db, schemas, "fault-0", {})).toEqual(["1", "3", "4"]);
});

test("counting reads no record", async () => {
  await addFailures(30_000, 50);
  await kit.db.query("analyze");
  const { db, scans } = plannedPool(kit.db);
  await countFaults(db, schemas, { limit: 200 });
  expect([...scans].filter((scan) => scan.endsWith(" history"))).toEqual([]);
  expect([...scans].filter((scan) => scan.endsWith(" failures"))).toEqual(["Index Scan failures"]);
});
