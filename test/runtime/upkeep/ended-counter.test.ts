import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EndedCounter } from "../../../src/runtime/upkeep/ended-counter.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../../support/test-runtime.ts";

let kit: TestRuntime;
beforeEach(async () => {
  kit = await testRuntime({});
});
afterEach(() => kit.stop());

async function untilCounted(count: number): Promise<void> {
  for (;;) {
    const { rows } = await kit.db.query(
      `select coalesce(sum(count), 0)::int as count from taskrun.ended_counts
       where span = 'hour' and kind = 'completed'`,
    );
    if (rows[0].count === count) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const add = (from: number, to: number) =>
  kit.db.query(
    `insert into taskrun.history (job_id, task, state, attempts, max_attempts, priority,
       created_at, run_at, started_at, finished_at)
     select n, 't', 'completed', 1, 1, 0, now(), now(), now() - interval '1 min',
       now() - interval '1 min' + n * interval '1 ms'
     from generate_series($1::int, $2::int) n`,
    [from, to],
  );

test("what ended while nobody ran is caught up with, then what ends is followed", async () => {
  await add(1, 2_000);
  const { db } = kit;
  const schemas = schemasFor("graphile_worker");
  const counter = new EndedCounter({
    db,
    schemas,
    logger: pino({ level: "silent" }),
    intervalMs: 20,
  });
  counter.start();
  await untilCounted(2_000);
  // A minute later than the first: now.
  await add(60_000, 60_002);
  await untilCounted(2_003);
  await counter.stop();
});

test("a database that doesn't answer is asked again, and doesn't hold up a stop", async () => {
  const told: string[] = [];
  let asked = 0;
  const twice = Promise.withResolvers<void>();
  const db = {
    query: async () => {
      asked += 1;
      if (asked === 2) twice.resolve();
      throw new Error("away");
    },
  };
  const counter = new EndedCounter({
    db: db as never, // why: it asks nothing else
    schemas: schemasFor("graphile_worker"),
    logger: pino({ level: "debug" }, { write: (line) => void told.push(line) }),
    intervalMs: 1,
  });
  counter.start();
  await twice.promise;
  await counter.stop();
  expect(told[0]).toContain("could not count what has ended");
});
