import { afterEach, beforeEach, expect, test } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import { LiveView } from "../../src/store/live-view.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import {
  addBySql,
  addManyBySql,
  type Signal,
  signal,
  testRuntime,
} from "../support/test-runtime.ts";

let kit: TestRuntime;
let started: Signal;
let release: Signal;

beforeEach(async () => {
  started = signal();
  release = signal();
  kit = await testRuntime({
    hold: async (_: unknown, ctx: TaskContext) => {
      await ctx.progress(1, 4, "first");
      started.resolve();
      await release.promise;
    },
    good: async () => 1,
    bad: async () => {
      throw new Error("PERMANENT: bad");
    },
  });
});

afterEach(() => kit.stop());

test("a look has processes, running jobs, rates over ten seconds, counts and failures", async () => {
  await addManyBySql(kit, "good", 20);
  const bad = await addBySql(kit, "bad");
  await kit.drain();
  await addBySql(kit, "none", {}, "run_at => now() + interval '1 h'");
  const held = await addBySql(kit, "hold");
  const runtime = kit.createRuntime();
  await runtime.start();
  await started.promise;
  // As if all of that had taken no time.
  await kit.db.query("update taskrun.history set finished_at = now()");
  const snapshot = await new LiveView(kit.db, schemasFor("graphile_worker")).snapshot();
  expect(snapshot).toMatchObject({
    processes: [{ id: runtime.processId, pid: process.pid, running: 1 }],
    running: [{ id: held, task: "hold", attempt: 1, process: runtime.processId }],
    completed_per_second: 2,
    failed_per_second: 0.1,
    retried_per_second: 0,
    failures: [
      { id: bad, task: "bad", attempt: 1, state: "failed", error: "Error: PERMANENT: bad" },
    ],
  });
  expect(snapshot.tasks).toMatchObject([
    { task: "bad", failed_per_second: 0.1 },
    { task: "good", completed_per_second: 2 },
    { task: "hold", waiting: { running: 1 } },
    { task: "none", waiting: { scheduled: 1 } },
  ]);
  release.resolve();
  await runtime.stop();
});

test("an empty database has an empty look", async () => {
  expect(await new LiveView(kit.db, schemasFor("graphile_worker")).snapshot()).toMatchObject({
    processes: [],
    running: [],
    tasks: [],
    completed_per_second: 0,
    failures: [],
  });
});
