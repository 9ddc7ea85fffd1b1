import { once } from "node:events";
import type pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createHandlerPool, createQueuePool, endPool } from "../../src/store/pools.ts";
import { fetchIfPlain, fetchJobs, fetchPlainJobs } from "../../src/store/queue/fetch.ts";
import { registerTaskNames } from "../../src/store/queue/register-task-names.ts";
import { settlePlain } from "../../src/store/queue/settle.ts";
import { completed, type QueueKit, queueKit } from "../support/queue-kit.ts";
import { addManyBySql } from "../support/test-runtime.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const options = (onError: (error: Error) => void = () => undefined) => ({
  connectionString: q.kit.connectionString,
  max: 2,
  onError,
});

test("each pool's connections say what they are for, and the queue's read no table as a whole", async () => {
  const queue = createQueuePool(options());
  const handlers = createHandlerPool(options());
  const settings = `select current_setting('application_name') as name,
    current_setting('enable_seqscan') as seqscan, current_setting('statement_timeout') as timeout`;
  expect((await queue.query(settings)).rows).toEqual([
    { name: "taskrun queue", seqscan: "off", timeout: "1min" },
  ]);
  expect((await handlers.query(settings)).rows).toEqual([
    { name: "taskrun handlers", seqscan: "on", timeout: "0" },
  ]);
  await Promise.all([endPool(queue), endPool(handlers)]);
});

test("each statement of the queue's sees what is committed, whatever the database has set", async () => {
  const { rows } = await q.db.query("select quote_ident(current_database()) as name");
  await q.db.query(
    `alter database ${rows[0].name} set default_transaction_isolation = 'repeatable read'`,
  );
  const queue = createQueuePool(options());
  const handlers = createHandlerPool(options());
  const isolation = async (pool: pg.Pool) =>
    (await pool.query("select current_setting('transaction_isolation') as is")).rows[0].is;
  expect(await isolation(queue)).toBe("read committed");
  expect(await isolation(handlers)).toBe("repeatable read");
  await Promise.all([endPool(queue), endPool(handlers)]);
});

test.each([300, 3000])(
  "what has been taken of %i jobs is found by place, not by reading all",
  async (count) => {
    await addManyBySql(q.kit, "t", count);
    await q.db.query("analyze graphile_worker._private_jobs");
    const pool = createQueuePool({ ...options(), max: 1 });
    const [job] = await q.take("p", 1);
    expect(await settlePlain(pool, q.schemas, [completed(job!)])).toBe(1);
    const none = "'{}'";
    const values = ["'p'", "0", ...Array(4).fill(none), "'[]'", ...Array(3).fill(none)];
    const { rows } = await pool.query(
      `explain (costs off) execute "taskrun settle plain" (${values.join(", ")})`,
    );
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    expect(plan).toContain("Tid Scan on _private_jobs");
    await endPool(pool);
  },
);

test("plans that were made while the queue was empty read a deep one in order, from any place on", async () => {
  const pool = createQueuePool({ ...options(), max: 1 });
  const taskNames = await registerTaskNames(q.db, q.schemas, ["t"]);
  const request = { processId: "p", taskNames, limit: 5 };
  const after = { priority: 0, runAtSeconds: "0", id: "0" };
  await fetchJobs(pool, q.schemas, request);
  await fetchPlainJobs(pool, q.schemas, { ...request, after });
  await fetchIfPlain(pool, q.schemas, request);
  const many = new Map(Array.from({ length: 20 }, (_, id) => [id, `t${id}`]));
  await fetchIfPlain(pool, q.schemas, { ...request, taskNames: many });
  await addManyBySql(q.kit, "t", 3000);
  const planOf = async (call: string) => {
    const { rows } = await pool.query(`explain (costs off) execute ${call}`);
    return rows.map((row) => row["QUERY PLAN"]).join("\n");
  };
  const whole = await planOf(`"taskrun fetch" ('p', '{1}', 5, 1)`);
  expect(whole).toMatch(/CTE unqueued\s+->\s+Limit\s+->\s+LockRows\s+->\s+Index Scan using/);
  expect(whole).toContain("taskrun_jobs_in_order");
  const plain = await planOf(`"taskrun fetch plain" ('p', '{1}', 5, 0, 0, 0)`);
  expect(plain).toContain("Tid Scan on _private_jobs jobs");
  expect(plain).toMatch(/LockRows\s+->\s+Index Scan using taskrun_jobs_in_order/);
  expect(plain).toMatch(/Index Cond: .*ROW\(priority, run_at, id\) > ROW/);
  for (const name of ["taskrun fetch if plain, few tasks", "taskrun fetch if plain"]) {
    const ifPlain = await planOf(`"${name}" ('p', '{1}', 5)`);
    expect(ifPlain).toContain("Tid Scan on _private_jobs jobs");
    expect(ifPlain).toMatch(/LockRows\s+->\s+[\s\S]*Index Scan using taskrun_jobs_in_order/);
    expect(ifPlain).not.toContain("Sort");
  }
  await endPool(pool);
});

test("a connection that the server ends is reported and replaced", async () => {
  const lost = Promise.withResolvers<Error>();
  const pool = createQueuePool(options(lost.resolve));
  const { rows } = await pool.query("select pg_backend_pid() as pid");
  await q.db.query("select pg_terminate_backend($1)", [rows[0].pid]);
  expect(await lost.promise).toMatchObject({ code: "57P01" });
  expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  await endPool(pool);
});

test("a client that somebody keeps holds up the end for a second at most", async () => {
  const pool = createHandlerPool(options());
  const kept = await pool.connect();
  const before = performance.now();
  await endPool(pool);
  expect(performance.now() - before).toBeLessThan(30_000);
  kept.release(true);
  if (pool.totalCount > 0) await once(pool, "remove");
  await endPool(pool);
});
