import { expect, test } from "vitest";
import { type WaitForJob, waitForJob } from "../../src/client/wait-for-job.ts";
import type { JobEnd } from "../../src/store/jobs.ts";

const running: JobEnd = { task: "t", state: "running", output: null, error: null, attempts: 1 };
const completed: JobEnd = { ...running, state: "completed", output: 7 };
const away = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });

/** Gives the answers one after another; throws those that are errors. */
function wait(answers: (JobEnd | Error | null)[], more: Partial<WaitForJob> = {}) {
  const times: number[] = [];
  const look = async () => {
    times.push(performance.now());
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer ?? null;
  };
  const waiting = waitForJob({ look, jobId: "1", timeoutMs: null, signal: undefined, ...more });
  return { waiting, times };
}

test("looks at once, and then ever less often", async () => {
  const { waiting, times } = wait([running, running, running, completed]);
  expect(await waiting).toBe(7);
  const gaps = times.slice(1).map((time, index) => time - times[index]!);
  expect(gaps[0]).toBeGreaterThan(4);
  expect(gaps[1]).toBeGreaterThan(6.5);
  expect(gaps[2]).toBeGreaterThan(10);
});

test("a database that is away for a while ends no wait", async () => {
  const { waiting, times } = wait([running, away, away, completed]);
  expect(await waiting).toBe(7);
  expect(times).toHaveLength(4);
});

test("any other error does", async () => {
  await expect(wait([new Error("no permission")]).waiting).rejects.toThrow("no permission");
});

test("the last look comes when the time is up", async () => {
  const { waiting, times } = wait(Array(30).fill(running), { timeoutMs: 90 });
  await expect(waiting).rejects.toMatchObject({ code: "wait-timeout", state: "running" });
  expect(times.at(-1)! - times[0]!).toBeGreaterThan(85);
});

test("the time is up also while the database is away", async () => {
  const { waiting, times } = wait(Array(60).fill(away), { timeoutMs: 90 });
  await expect(waiting).rejects.toMatchObject({ code: "wait-timeout", state: null });
  expect(times.at(-1)! - times[0]!).toBeGreaterThan(85);
  expect(times.length).toBeLessThan(20);
});
