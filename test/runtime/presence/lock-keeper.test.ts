import { afterEach, expect, test } from "vitest";
import type { Runtime } from "../../../src/runtime/runtime.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { addBySql, countLocks, signal, testRuntime } from "../../support/test-runtime.ts";

let kit: TestRuntime;
let runtime: Runtime | undefined;
afterEach(async () => {
  await runtime?.stop();
  runtime = undefined;
  await kit.stop();
});

/** As a fetch leaves it whose reply never came. */
async function leaveGhost(id: string, processId: string): Promise<void> {
  await kit.db.query(
    `update graphile_worker._private_jobs
     set locked_by = $2, locked_at = now(), attempts = attempts + 1 where id = $1`,
    [id, processId],
  );
}

/** As a restart of the database does. */
async function loseConnections(): Promise<void> {
  await kit.db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'taskrun queue'`,
  );
}

/** The queue's statements fail until the table has its name again. `besides`: what else fails. */
async function failOneFetch(started: Runtime, besides = async () => {}): Promise<void> {
  const waiting = new Promise<void>((resolve) => {
    started.events.once("database:waiting", () => resolve());
  });
  await kit.db.query("alter table taskrun.job_details rename to job_details_away");
  await besides();
  await kit.db.query("select pg_notify('jobs:insert', '{}')");
  await waiting;
  await kit.db.query("alter table taskrun.job_details_away rename to job_details");
}

test("jobs locked by a fetch whose reply was lost run after all, uncounted", async () => {
  const ran = signal<number>();
  kit = await testRuntime({
    ghost: async (_payload: unknown, ctx: { attempt: number }) => ran.resolve(ctx.attempt),
  });
  runtime = kit.createRuntime({ pollIntervalMs: 3_600_000 });
  await runtime.start();
  const id = await kit.enqueue("ghost", {}, { delay: "1h" }).then((job) => job.id);
  await leaveGhost(id, runtime.processId);
  await kit.db.query("update graphile_worker._private_jobs set run_at = now()");
  await failOneFetch(runtime);
  expect(await ran.promise).toBe(1);
});

test("what runs for long while fetches fail keeps its lock", async () => {
  const started = signal();
  const mayEnd = signal();
  let runs = 0;
  kit = await testRuntime({
    slow: async () => {
      runs += 1;
      started.resolve();
      await mayEnd.promise;
    },
    ghost: async () => mayEnd.resolve(),
  });
  runtime = kit.createRuntime({ pollIntervalMs: 3_600_000 });
  await runtime.start();
  const slow = await addBySql(kit, "slow");
  await started.promise;
  const ghost = await kit.enqueue("ghost", {}, { delay: "1h" }).then((job) => job.id);
  await leaveGhost(ghost, runtime.processId);
  await kit.db.query("update graphile_worker._private_jobs set run_at = now() where id = $1", [
    ghost,
  ]);
  await failOneFetch(runtime, loseConnections);
  // The ghost is found by looking through all that this process holds: the slow job was seen too.
  await mayEnd.promise;
  await runtime.drain();
  expect(runs).toBe(1);
  expect(await kit.job(slow)).toMatchObject({ state: "completed", attempts: 1 });
  expect(await countLocks(kit)).toBe(0);
});

test("a process that has reason to expect ghosts leaves them to others when it stops", async () => {
  kit = await testRuntime({ ghost: async () => null });
  runtime = kit.createRuntime({ pollIntervalMs: 3_600_000 });
  await runtime.start();
  const { id } = await kit.enqueue("ghost", {}, { delay: "1h" });
  await failOneFetch(runtime);
  await leaveGhost(id, runtime.processId);
  await runtime.stop();
  const { rows } = await kit.db.query("select id from taskrun.processes");
  expect(rows).toEqual([{ id: runtime.processId }]);
});
