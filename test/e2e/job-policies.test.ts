/** What a job says for itself by SQL alone goes before what its task's file says. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addBySql, testRuntime } from "../support/test-runtime.ts";

let runtime: TestRuntime;

beforeAll(async () => {
  runtime = await testRuntime({
    failing: {
      retry: { strategy: "fixed", baseDelay: "1m", jitter: 0 },
      handler: () => {
        throw new Error("no luck");
      },
    },
    slow: {
      timeout: "1m",
      handler: (_: unknown, { signal }: { signal: AbortSignal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        }),
    },
  });
});

afterAll(() => runtime.stop());

async function add(task: string, options: object): Promise<string> {
  const { rows } = await runtime.db.query("select taskrun.add_job($1, '{}', $2) as id", [
    task,
    JSON.stringify(options),
  ]);
  return rows[0].id;
}

/** Runs the job attempt after attempt; between two of them it is due at once. */
async function runToItsEnd(id: string): Promise<void> {
  for (;;) {
    const { state } = await runtime.runJob(id);
    await noteDelay(id);
    if (state !== "retrying") return;
  }
}

// The settling transaction's now() is in updated_at, and what it is counted from: the difference
// is the delay itself, to the microsecond.
const delaysMs = new Map<string, number[]>();
async function noteDelay(id: string): Promise<void> {
  const { rows } = await runtime.db.query(
    `select extract(epoch from a.next_run_at - j.updated_at) * 1000 as delay_ms, a.attempt
     from taskrun.attempts a join graphile_worker._private_jobs j on j.id = a.job_id
     where a.job_id = $1 order by a.attempt desc limit 1`,
    [id],
  );
  const { delay_ms: delayMs } = rows[0];
  if (delayMs !== null) delaysMs.set(id, [...(delaysMs.get(id) ?? []), Number(delayMs)]);
}

describe("its own retries", () => {
  const table: [retryStrategy: object, delaysMs: number[]][] = [
    [
      {
        type: "exponential",
        base_delay_ms: 1_000,
        multiplier: 2,
        max_delay_ms: 10_000,
        max_attempts: 6,
      },
      [2_000, 4_000, 8_000, 10_000, 10_000],
    ],
    [
      {
        type: "exponential",
        base_delay_ms: 1_000,
        multiplier: 2,
        max_delay_ms: 300_000,
        max_attempts: 3,
      },
      [2_000, 4_000],
    ],
    [{ type: "Exponential", base_delay_ms: 7, multiplier: 1.5, max_attempts: 4 }, [10, 15, 23]],
    [
      {
        type: "linear",
        base_delay_ms: 1_000,
        increment_ms: 750,
        max_delay_ms: 3_000,
        max_attempts: 5,
      },
      [1_750, 2_500, 3_000, 3_000],
    ],
    [{ type: "fixed", interval_ms: 12_345, max_attempts: 3 }, [12_345, 12_345]],
    [{ type: "Fixed", interval_ms: 5, max_attempts: 1 }, []],
    [{ strategy: "linear", baseDelay: "2s", increment: "1s", maxAttempts: 4 }, [2000, 3000, 4000]],
    // Laid over the task's: its base delay and no jitter.
    [{ strategy: "exponential", factor: 3, maxAttempts: 3 }, [60_000, 180_000]],
  ];
  test.each(table)("%j waits exactly %j", async (retry, expected) => {
    const id = await add("failing", { retry_strategy: retry });
    await runToItsEnd(id);
    expect(delaysMs.get(id) ?? []).toEqual(expected);
    expect(await runtime.job(id)).toMatchObject({
      state: "failed",
      attempts: expected.length + 1,
      max_attempts: expected.length + 1,
    });
  });

  test.each([
    ["no policy at all", '"soon"'],
    ["an unknown type", '{"type": "fibonacci"}'],
    ["a wrong value", '{"type": "fixed", "interval_ms": "soon"}'],
    ["a wrong option", '{"baseDelay": "whenever"}'],
  ])("that come by raw SQL as %s leave the job with its task's", async (_what, retry) => {
    const id = await addBySql(runtime, "failing", {}, "max_attempts => 2");
    await runtime.db.query("insert into taskrun.job_details (job_id, retry) values ($1, $2)", [
      id,
      retry,
    ]);
    await runToItsEnd(id);
    expect(delaysMs.get(id)).toEqual([60_000]);
  });
});

describe("its own timeout", () => {
  test("ends an attempt that its task's would let run", async () => {
    const id = await add("slow", { timeout: "30ms", max_attempts: 1 });
    expect(await runtime.runJob(id)).toMatchObject({
      state: "failed",
      error: "timed out after 30ms",
    });
  });
});
