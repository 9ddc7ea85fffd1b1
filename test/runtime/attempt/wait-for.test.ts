import { afterEach, describe, expect, test } from "vitest";
import type { TaskContext } from "../../../src/core/context.ts";
import { WaitingError } from "../../../src/core/task-errors.ts";
import { type FindParentEnds, noneEnded, waitFor } from "../../../src/runtime/attempt/wait-for.ts";
import { pause } from "../../../src/store/transient.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../../support/test-runtime.ts";

let kit: TestRuntime | undefined;
afterEach(async () => {
  await kit?.stop();
  kit = undefined;
});

const allCompleted: FindParentEnds = async (ids) =>
  ids.map((id) => ({ id, task: "t", state: "completed", output: Number(id), error: null }));

async function untilParentWaits(ctx: TaskContext): Promise<void> {
  const text = "select 1 from taskrun.jobs where id = $1 and state = 'blocked'";
  while ((await ctx.query(text, [ctx.parentId])).rowCount === 0) await pause(5);
}

test("resolves in the order asked, with null for what is gone", async () => {
  const find: FindParentEnds = async ([a = "", b = ""]) => [
    { id: a, task: "t", state: "failed", output: null, error: "no" },
    { id: b, task: null, state: "gone", output: null, error: null },
  ];
  expect(await waitFor("1", ["3", "2"], find)).toEqual([
    { id: "3", task: "t", state: "failed", output: null, error: "no" },
    { id: "2", task: null, state: null, output: null, error: null },
  ]);
  expect(await waitFor("1", [], find)).toEqual([]);
  expect((await waitFor<number>("1", ["7"], allCompleted))[0]?.output).toBe(7);
});

test("rejects with the jobs that have not ended, each once", async () => {
  const waiting = waitFor("1", ["3", "2", "3"], noneEnded);
  await expect(waiting).rejects.toBeInstanceOf(WaitingError);
  await expect(waiting).rejects.toMatchObject({ jobs: ["3", "2"] });
});

describe("refuses for good", () => {
  const wrong: [string, unknown, string][] = [
    ["the job itself", ["2", "1"], "Job 1 can't wait for itself"],
    ["what is no id", ["2", "x"], 'ctx.waitFor takes the ids of jobs as strings, got "x"'],
    ["a number", [2], "ctx.waitFor takes the ids of jobs as strings, got a number"],
    ["what is no list", "2", "ctx.waitFor takes an array of job ids, got string"],
  ];
  for (const [what, ids, message] of wrong) {
    test(what, async () => {
      // why: callers without types
      const given = ids as string[];
      await expect(waitFor("1", given, allCompleted)).rejects.toMatchObject({
        name: "PermanentError",
        message,
      });
    });
  }
});

describe("in a process", () => {
  type Handler = (payload: { ids: string[] }, ctx: TaskContext) => unknown;

  async function reportOn(handler: Handler, wait: Record<string, unknown> = {}) {
    kit = await testRuntime({
      part: async ({ n }: { n: number }) => {
        if (n === 0) throw new Error("PERMANENT: nothing");
        return { n };
      },
      report: { handler, ...wait },
    });
    const later = { delay: "10m" };
    const parts = [
      await kit.enqueue("part", { n: 1 }, later),
      await kit.enqueue("part", { n: 0 }, later),
    ];
    const ids = parts.map(({ id }) => id);
    const report = await kit.enqueue("report", { ids }, { maxAttempts: 1 });
    return { kit, ids, report: report.id };
  }

  for (const form of ["await", "return"] as const) {
    test(`the job is blocked meanwhile and spends no attempt (${form} ctx.waitFor)`, async () => {
      const awaited: Handler = async ({ ids }, ctx) => {
        const ends = await ctx.waitFor(ids);
        return ends;
      };
      const returned: Handler = ({ ids }, ctx) => ctx.waitFor(ids);
      const { kit, ids, report } = await reportOn(form === "await" ? awaited : returned);
      expect(await kit.drain()).toMatchObject({ waiting: 1, completed: 0, failed: 0 });
      expect(await kit.job(report)).toMatchObject({ state: "blocked", attempts: 0 });
      expect((await kit.runJob(ids[0] ?? "")).state).toBe("completed");
      expect((await kit.job(report))?.state).toBe("blocked");
      expect((await kit.runJob(ids[1] ?? "")).state).toBe("failed");
      expect((await kit.job(report))?.state).toBe("pending");
      expect(await kit.drain()).toMatchObject({ completed: 1 });
      expect(await kit.job(report)).toMatchObject({
        state: "completed",
        attempts: 1,
        output: [
          { id: ids[0], task: "part", state: "completed", output: { n: 1 }, error: null },
          { id: ids[1], task: "part", state: "failed", output: null, error: "PERMANENT: nothing" },
        ],
      });
    });
  }

  test("a drain runs what a handler waits for, and then the handler again", async () => {
    kit = await testRuntime({
      part: async (_payload: unknown, ctx: TaskContext) => {
        await untilParentWaits(ctx);
        return "part";
      },
      report: async (_payload: unknown, ctx: TaskContext) => {
        const id = await ctx.step("enqueue", async () => (await ctx.enqueue("part")).id);
        const [part] = await ctx.waitFor<string>([id]);
        return `with ${part?.output}`;
      },
    });
    const { id } = await kit.enqueue("report");
    expect(await kit.drain()).toMatchObject({ waiting: 1, completed: 2 });
    expect(await kit.job(id)).toMatchObject({ state: "completed", output: "with part" });
  });

  test("a job that never was ends the job, with a sentence that names it", async () => {
    const { kit, report } = await reportOn((_payload, ctx) => ctx.waitFor(["987654321"]));
    await kit.drain();
    expect(await kit.job(report)).toMatchObject({
      state: "failed",
      error: "taskrun: there is no job 987654321 to wait for",
    });
  });

  test("a job that waits for the one that waits for it fails, and the other goes on", async () => {
    kit = await testRuntime({
      parent: async (_payload: unknown, ctx: TaskContext) => {
        const id = await ctx.step("enqueue", async () => (await ctx.enqueue("child")).id);
        return (await ctx.waitFor([id]))[0]?.state;
      },
      child: async (_payload: unknown, ctx: TaskContext) => {
        // Whoever comes second makes the circle.
        await untilParentWaits(ctx);
        return ctx.waitFor([ctx.parentId ?? ""]);
      },
    });
    const { id } = await kit.enqueue("parent");
    await kit.drain();
    expect(await kit.job(id)).toMatchObject({ state: "completed", output: "failed" });
    const { rows } = await kit.db.query("select error from taskrun.jobs where task = 'child'");
    expect(rows[0].error).toMatch(/can't wait for jobs that wait for it/);
  });

  test("a job cancelled while it waits undoes the steps it has done", async () => {
    const undone: string[] = [];
    const { kit, report } = await reportOn(async ({ ids }, ctx) => {
      await ctx.step("hold", () => "held", { compensate: (held) => undone.push(held) });
      return ctx.waitFor(ids);
    });
    await kit.drain();
    await kit.db.query("select taskrun.cancel_job($1, 'enough')", [report]);
    await kit.drain();
    expect(undone).toEqual(["held"]);
    expect(await kit.job(report)).toMatchObject({ state: "cancelled", error: "enough" });
  });

  test("what it waits for may run in the serial queue that it ran in", async () => {
    kit = await testRuntime({
      part: async () => "part",
      report: async (_payload: unknown, ctx: TaskContext) => {
        const queue = async () => (await ctx.enqueue("part", {}, { queue: "line" })).id;
        return (await ctx.waitFor([await ctx.step("enqueue", queue)]))[0]?.output;
      },
    });
    const { id } = await kit.enqueue("report", {}, { queue: "line" });
    await kit.drain();
    expect(await kit.job(id)).toMatchObject({ state: "completed", output: "part" });
  });

  test("a handler that swallows the error that ends it has the last word", async () => {
    const { kit, report } = await reportOn(({ ids }, ctx) =>
      ctx.waitFor(ids).catch(() => "without them"),
    );
    await kit.drain();
    expect(await kit.job(report)).toMatchObject({ state: "completed", output: "without them" });
  });

  test("a job cancelled while it waits doesn't run again", async () => {
    const { kit, ids, report } = await reportOn(({ ids }, ctx) => ctx.waitFor(ids));
    await kit.drain();
    await kit.db.query("select taskrun.cancel_job($1)", [report]);
    for (const id of ids) await kit.runJob(id);
    expect(await kit.drain()).toMatchObject({ completed: 0, waiting: 0 });
    expect((await kit.job(report))?.state).toBe("cancelled");
  });
});
