import { afterEach, describe, expect, test } from "vitest";
import { CommandArguments } from "../../src/cli/command-arguments.ts";
import { operateOnJobs } from "../../src/cli/operate-on-jobs.ts";
import { cancelJob, cancelJobs } from "../../src/store/operations.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../support/test-runtime.ts";

let kit: TestRuntime | undefined;
afterEach(async () => {
  await kit?.stop();
  kit = undefined;
});

type Ask = (question: string) => Promise<boolean>;

function cancel(values: Record<string, unknown>, ask: Ask | null = null) {
  const given = kit === undefined ? {} : { connection: kit.connectionString };
  const args = new CommandArguments({ ...given, ...values }, ["connection"]);
  return operateOnJobs(
    args,
    {
      operation: "cancel",
      question: "Cancel",
      done: ["cancelled", "cancelling"],
      goal: "cancelled",
      sentences: { cancelled: "is", cancelling: "will be", completed: "was", failed: "was" },
      one: ({ pool, schemas }, id) => cancelJob(pool, schemas, id),
      many: ({ pool, schemas }, choice) => cancelJobs(pool, schemas, choice),
    },
    ask,
  );
}

describe("which jobs", () => {
  test.each([
    [{}, "Which jobs?"],
    [{ limit: "5" }, "Which jobs?"],
    [{ ids: ["7"], task: "t" }, "Give ids or flags that choose jobs, not both"],
    [{ ids: ["7"], all: true }, "Give ids or flags that choose jobs, not both"],
    [{ ids: ["seven"] }, "seven: a job's id is a whole number"],
    [{ ids: ["7"], "wait-timeout": "soon" }, "--wait-timeout soon: expected a duration"],
  ])("%o is refused before anything is opened", async (values, message) => {
    await expect(cancel(values)).rejects.toThrow(message);
  });
});

describe("on a terminal", () => {
  async function twoJobs(): Promise<() => Promise<number>> {
    kit = await testRuntime({ t: async () => null });
    const { db } = kit;
    for (let n = 0; n < 2; n += 1) await kit.enqueue("t", {}, { delay: "1h" });
    return async () => (await db.query("select from graphile_worker._private_jobs")).rows.length;
  }
  const asked: string[] = [];
  const answer = (yes: boolean) => async (question: string) => {
    asked.push(question);
    return yes;
  };

  test("more than one job is asked about, and no means no", async () => {
    const left = await twoJobs();
    expect(await cancel({ task: "t" }, answer(false))).toBe(0);
    expect(asked.splice(0)).toEqual(["Cancel 2 jobs?"]);
    expect(await left()).toBe(2);
    expect(await cancel({ task: "t" }, answer(true))).toBe(0);
    expect(asked.splice(0)).toHaveLength(1);
    expect(await left()).toBe(0);
  });

  test("one job, jobs that are named, a count and --yes are not asked about", async () => {
    const left = await twoJobs();
    await cancel({ task: "t", "dry-run": true }, answer(false));
    expect(await left()).toBe(2);
    await cancel({ task: "t", limit: "1" }, answer(false));
    expect(await left()).toBe(1);
    await kit?.enqueue("t", {}, { delay: "1h" });
    await cancel({ task: "t", yes: true }, answer(false));
    expect(await left()).toBe(0);
    expect(asked).toEqual([]);
  });
});
