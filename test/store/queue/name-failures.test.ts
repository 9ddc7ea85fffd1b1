import { afterEach, beforeEach, expect, test } from "vitest";
import { nameFailures, nameLateFailures } from "../../../src/store/queue/name-failures.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { addBySql, addManyBySql, testRuntime } from "../../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let kit: TestRuntime;

beforeEach(async () => {
  kit = await testRuntime({
    charge: async ({ n }: { n: number }) => {
      throw new TypeError(`PERMANENT: no order ${n}`);
    },
    good: async () => 1,
  });
});
afterEach(() => kit.stop());

async function named(): Promise<{ job_id: string; fingerprint: string }[]> {
  const { rows } = await kit.db.query(
    "select job_id, fingerprint from taskrun.failures order by job_id",
  );
  return rows;
}

async function nameAll(): Promise<void> {
  while (await nameFailures(kit.db, schemas));
}

/** Records of failed jobs, as another version would have left them. */
async function addRecords(count: number, age: string): Promise<void> {
  await kit.db.query(
    `insert into taskrun.history (job_id, task, state, error, attempts, max_attempts, priority,
       created_at, run_at, finished_at)
     select 100000 + n, 'charge', 'failed', 'no ' || n, 1, 1, 0, now(), now(),
       now() - $2::interval + n * interval '1 ms'
     from generate_series(1, $1) n`,
    [count, age],
  );
}

test("failed jobs of one fault have one fingerprint; others have none", async () => {
  await addManyBySql(kit, "charge", 3);
  await addBySql(kit, "good");
  await kit.drain();
  await nameAll();
  const rows = await named();
  expect(rows).toHaveLength(3);
  expect(new Set(rows.map(({ fingerprint }) => fingerprint)).size).toBe(1);
  await nameAll();
  expect(await named()).toEqual(rows);
});

test("what had failed before is named piece by piece, each once", async () => {
  await addRecords(1_234, "3 days");
  expect(await nameFailures(kit.db, schemas)).toBe(true);
  expect(await named()).toHaveLength(500);
  await nameAll();
  expect(await named()).toHaveLength(1_234);
});

test("a record that comes late is named as well", async () => {
  await nameAll();
  await addRecords(1, "5 minutes");
  await nameAll();
  expect(await named()).toEqual([]);
  await nameLateFailures(kit.db, schemas);
  expect(await named()).toHaveLength(1);
});

test("a job that is retried loses its name, and gets that of its next failure", async () => {
  const id = await addBySql(kit, "charge", { n: 1 });
  await kit.drain();
  await nameAll();
  const [before] = await named();
  await kit.db.query("select taskrun.retry_job($1)", [id]);
  expect(await named()).toEqual([]);
  await kit.drain();
  await nameAll();
  expect(await named()).toEqual([before]);
});

test("a job that others queued again loses its name when it ends otherwise", async () => {
  const id = await addBySql(kit, "charge", { n: 1 });
  await kit.drain();
  await nameAll();
  await kit.db.query(
    `insert into taskrun.history as h (job_id, task, state, attempts, max_attempts, priority,
       created_at, run_at, finished_at)
     values ($1, 'charge', 'completed', 1, 1, 0, now(), now(), now())
     on conflict (job_id) do update set state = excluded.state, finished_at = excluded.finished_at`,
    [id],
  );
  expect(await named()).toEqual([]);
});
