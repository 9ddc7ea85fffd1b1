/** A batch job's life on the real queue, under taskrun and under graphile-worker itself. */

import { Logger, runOnce, type Task } from "graphile-worker";
import { expect, test } from "vitest";
import { pause } from "../../src/store/transient.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addBySql, testRuntime } from "../support/test-runtime.ts";

interface Entry {
  id: number;
  failures: number;
}

/** One handler for both: an entry fails as often as it says, and then is done. */
function sendAll(calls: number[][]): Task {
  const failed = new Map<number, number>();
  return (payload) => {
    const entries = payload as Entry[]; // why: this test's jobs have no other payload
    calls.push(entries.map(({ id }) => id));
    return entries.map(async ({ id, failures }) => {
      const times = failed.get(id) ?? 0;
      failed.set(id, times + 1);
      if (times < failures) throw new Error(`entry ${id} is down`);
    }) as never; // why: graphile-worker types promises of batches narrower than it takes them
  };
}

/** A retry that comes soon could be due before anybody has looked at the job. */
const retry = { baseDelay: "1h", jitter: 0 };

const queued: Entry[] = [
  { id: 1, failures: 0 },
  { id: 2, failures: 2 },
  { id: 3, failures: 1 },
  { id: 4, failures: 0 },
  { id: 5, failures: 9 },
];

async function jobRow({ db }: TestRuntime, id: string) {
  const { rows } = await db.query(
    `select payload, attempts, max_attempts, last_error, locked_by, run_at > now() as later
     from graphile_worker._private_jobs where id = $1`,
    [id],
  );
  return rows[0];
}

/** Runs the job three times and tells what the queue holds of it after each. */
async function lifeOf(kit: TestRuntime, attempt: () => Promise<unknown>) {
  const id = await addBySql(kit, "send_all", queued, "max_attempts => 3");
  const seen = [];
  for (let n = 0; n < 3; n += 1) {
    await kit.db.query("update graphile_worker._private_jobs set run_at = now()");
    await attempt();
    let row = await jobRow(kit, id);
    // graphile-worker resolves before it has written what became of its last job.
    while (row?.locked_by !== null) {
      await pause(10);
      row = await jobRow(kit, id);
    }
    seen.push(row);
  }
  return { id, seen };
}

const expectedLife = [
  { payload: [queued[1], queued[2], queued[4]], attempts: 1, later: true },
  { payload: [queued[1], queued[4]], attempts: 2, later: true },
  { payload: [queued[4]], attempts: 3 },
].map((row) => ({
  ...row,
  max_attempts: 3,
  locked_by: null,
  last_error: expect.stringContaining("entry 5 is down"),
}));
const expectedCalls = [
  [1, 2, 3, 4, 5],
  [2, 3, 5],
  [2, 5],
];

test("only what failed is run again, until the job has failed with what is left", async () => {
  const calls: number[][] = [];
  await using kit = await testRuntime({ send_all: { retry, handler: sendAll(calls) } });
  const { id, seen } = await lifeOf(kit, () => kit.drain());

  expect(calls).toEqual(expectedCalls);
  expect(seen).toMatchObject(expectedLife);
  expect(seen[0]?.last_error).toBe(
    "3 of 5 entries of the batch failed: entry 2 is down; entry 3 is down; entry 5 is down",
  );
  expect(await kit.job(id)).toMatchObject({ state: "failed", attempts: 3, payload: [queued[4]] });
  const { rows } = await kit.db.query(
    "select attempt, state from taskrun.attempts where job_id = $1 order by attempt",
    [id],
  );
  expect(rows).toEqual([
    { attempt: 1, state: "retrying" },
    { attempt: 2, state: "retrying" },
    { attempt: 3, state: "failed" },
  ]);
});

test("graphile-worker does the same with the same handler", async () => {
  const calls: number[][] = [];
  const logger = new Logger(() => () => {});
  const taskList = { send_all: sendAll(calls) };
  await using kit = await testRuntime({});
  const { seen } = await lifeOf(kit, () =>
    runOnce({ connectionString: kit.connectionString, taskList, noHandleSignals: true, logger }),
  );

  expect(calls).toEqual(expectedCalls);
  expect(seen).toMatchObject(expectedLife);
});

test("a batch that is done in the end leaves the queue with what the last attempt did", async () => {
  const calls: number[][] = [];
  await using kit = await testRuntime({ send_all: { retry, handler: sendAll(calls) } });
  const id = await addBySql(kit, "send_all", [queued[0], queued[2]]);
  await kit.drain();
  expect(await kit.job(id)).toMatchObject({ state: "retrying", payload: [queued[2]] });
  expect(await kit.runJob(id)).toMatchObject({ state: "completed", payload: [queued[2]] });
  expect(calls).toEqual([[1, 3], [3]]);
});
