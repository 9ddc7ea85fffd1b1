import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import type { TaskContext } from "../../../src/core/context.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { addBySql, signal, testRuntime } from "../../support/test-runtime.ts";

let kit: TestRuntime;
afterEach(() => kit?.stop());

test("a suspect job is in the list of running jobs before its handler begins", async () => {
  let listed: string[] = [];
  kit = await testRuntime({
    task: async (_payload: unknown, ctx: TaskContext) => {
      const { rows } = await ctx.query("select running from taskrun.processes");
      listed = rows[0]?.running;
    },
  });
  const id = await addBySql(kit, "task");
  await kit.db.query("insert into taskrun.job_details (job_id, suspect) values ($1, true)", [id]);
  // Its heartbeat would come far too late.
  const runtime = kit.createRuntime({ heartbeatIntervalMs: 600_000 });
  await runtime.drain();
  await runtime.stop();
  expect(listed).toEqual([id]);
  expect(await kit.job(id)).toMatchObject({ state: "completed", attempts: 1 });
});

describe("jobs that were running in two processes when they died", () => {
  async function addQuarantined(count: number): Promise<string[]> {
    const ids: string[] = [];
    for (let n = 0; n < count; n += 1) ids.push(await addBySql(kit, "task", { n }));
    await kit.db.query(
      `insert into taskrun.job_details (job_id, suspect, crashes)
       select unnest($1::bigint[]), true, 2`,
      [ids],
    );
    return ids;
  }

  test("run one after the other, and none is in the list of running jobs before its turn", async () => {
    const listed: string[][] = [];
    const order: string[] = [];
    let atOnce = 0;
    kit = await testRuntime({
      task: async (_payload: unknown, ctx: TaskContext) => {
        atOnce += 1;
        expect(atOnce).toBe(1);
        const { rows } = await ctx.query("select running from taskrun.processes");
        listed.push(rows[0]?.running);
        order.push(ctx.jobId);
        atOnce -= 1;
      },
    });
    const ids = await addQuarantined(3);
    const runtime = kit.createRuntime({ heartbeatIntervalMs: 600_000 });
    await runtime.drain();
    expect(order).toEqual(ids);
    for (const [n, id] of ids.entries()) {
      expect(listed[n]).toContain(id);
      for (const later of ids.slice(n + 1)) expect(listed[n]).not.toContain(later);
      expect(await kit.job(id)).toMatchObject({ state: "completed", attempts: 1 });
    }
    await runtime.stop();
  });

  test("don't run once the process was declared dead before their turn: others may", async () => {
    const started = signal();
    const mayEnd = signal();
    const runs: [jobId: string, lockedBy: string][] = [];
    kit = await testRuntime({
      task: async (_payload: unknown, ctx: TaskContext) => {
        const { rows } = await ctx.query(
          "select locked_by from graphile_worker._private_jobs where id = $1",
          [ctx.jobId],
        );
        runs.push([ctx.jobId, String(rows[0]?.locked_by)]);
        started.resolve();
        await mayEnd.promise;
      },
    });
    const [first, second = ""] = await addQuarantined(2);
    const runtime = kit.createRuntime({ heartbeatIntervalMs: 20 });
    await runtime.start();
    await started.promise;
    const replaced = once(runtime.events, "process:replaced");
    // As one does that rescues the jobs of a process; here they go to yet another one.
    await kit.db.query(
      `with dead as (update taskrun.processes set dead_at = now())
       update graphile_worker._private_jobs set locked_by = 'another'`,
    );
    await replaced;
    mayEnd.resolve();
    await runtime.drain();
    await runtime.stop();
    expect(runs.map(([id]) => id)).toEqual([first]);
    const { rows } = await kit.db.query(
      "select locked_by, attempts from graphile_worker._private_jobs where id = $1",
      [second],
    );
    expect(rows).toEqual([{ locked_by: "another", attempts: 1 }]);
  });

  test("are cancelled before their turn without having run", async () => {
    const started = signal();
    const mayEnd = signal();
    let runs = 0;
    kit = await testRuntime({
      task: async () => {
        runs += 1;
        started.resolve();
        await mayEnd.promise;
      },
    });
    const [first = "", second = ""] = await addQuarantined(2);
    const runtime = kit.createRuntime();
    await runtime.start();
    await started.promise;
    await kit.db.query("select taskrun.cancel_job($1, 'no need')", [second]);
    await expect.poll(async () => (await kit.job(second))?.state).toBe("cancelled");
    mayEnd.resolve();
    await runtime.drain();
    await runtime.stop();
    expect(runs).toBe(1);
    expect(await kit.job(first)).toMatchObject({ state: "completed" });
  });

  test("go back uncounted when the process stops before their turn, and hold up no others", async () => {
    const started = signal();
    let runs = 0;
    kit = await testRuntime({
      task: async (_payload: unknown, ctx: TaskContext) => {
        runs += 1;
        started.resolve();
        await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
        throw ctx.signal.reason;
      },
      other: async () => null,
    });
    const ids = await addQuarantined(2);
    const runtime = kit.createRuntime({ shutdownGraceMs: 100 });
    const took = new Map<string, number>();
    runtime.events.on("attempt:finished", ({ job, durationMs }) => took.set(job.id, durationMs));
    await runtime.start();
    await started.promise;
    const other = await addBySql(kit, "other");
    await expect.poll(async () => (await kit.job(other))?.state).toBe("completed");
    await runtime.stop();
    expect(runs).toBe(1);
    for (const id of ids) {
      expect(await kit.job(id)).toMatchObject({ state: "pending", attempts: 0 });
    }
    expect(took.get(ids[1] ?? "")).toBe(0);
  });
});
