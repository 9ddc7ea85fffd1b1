/** What the example task dependent_report promises, alone and among the jobs that it waits for. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTask } from "taskrun/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import dependentReport from "../../tasks/dependent_report.ts";
import { testRuntime } from "../support/test-runtime.ts";

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "reports-"));
  vi.stubEnv("TASKRUN_DATA_DIR", dataDir);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dataDir, { recursive: true });
});

const reportFile = (name: string) => readFile(join(dataDir, "reports", name), "utf8");
const files = () => readdir(join(dataDir, "reports")).catch(() => []);
const three = { prerequisite_task_ids: ["7", 8], prerequisites: [{ task: "sum" }] };
const jobs = {
  7: { task: "sum", output: { total: 3 } },
  8: { task: "sum", state: "failed", error: "no numbers" },
  2: { task: "sum", output: null },
} as const;

test("it waits for all jobs, those that it queued itself included", async () => {
  const { outcome, enqueued, steps } = await runTask(dependentReport, three);
  expect(outcome).toEqual({ state: "waiting", jobs: ["7", "8", "2"] });
  expect(enqueued).toMatchObject([
    { task: "sum", payload: {}, options: { key: "dependent_report:1:0" } },
  ]);
  expect(steps).toMatchObject([{ name: "queue prerequisite 0", result: "2" }]);
  expect(await files()).toEqual([]);
});

test("it queues nothing again when it has waited", async () => {
  const steps = [{ name: "queue prerequisite 0", result: "2" }];
  const all = { ...jobs, 8: { task: "sum", output: 4 } };
  const { output, enqueued } = await runTask(dependentReport, three, { steps, jobs: all });
  expect(enqueued).toEqual([]);
  const report_url = join(dataDir, "reports", "1.json");
  expect(output).toEqual({ report_url, completed: 3, missing: [] });
  expect(JSON.parse(await reportFile("1.json"))).toMatchObject({
    title: "Report",
    jobs: [{ id: "7", output: { total: 3 } }, { id: "8", output: 4 }, { id: "2" }],
  });
});

test("it fails for good, and names each job, when some have not completed", async () => {
  const gone = { 9: { task: null, state: null } };
  const payload = { prerequisite_task_ids: ["7", "8", "9"] };
  const { outcome } = await runTask(dependentReport, payload, { jobs: { ...jobs, ...gone } });
  expect(outcome).toMatchObject({
    state: "failed",
    error: { name: "BusinessLogicError", message: expect.stringContaining("no report without it") },
  });
  const message = "error" in outcome ? outcome.error.message : "";
  expect(message).toContain("job 8 (sum) failed: no numbers; job 9 left no record");
  expect(await files()).toEqual([]);
});

test("or reports on what there is, when it may", async () => {
  const payload = { prerequisite_task_ids: ["7", "8"], allow_partial: true, format: "csv" };
  const { output } = await runTask(dependentReport, payload, { jobs });
  expect(output).toMatchObject({ completed: 1, missing: ["8"] });
  expect(await reportFile("1.csv")).toBe(
    'job,task,state,output\r\n7,sum,completed,"{""total"":3}"\r\n8,sum,failed,no numbers\r\n',
  );
  expect(await files()).toEqual(["1.csv"]);
});

test.each([
  ["nothing to wait for", {}],
  ["what is no job's id", { prerequisite_task_ids: ["x"] }],
  ["a prerequisite without a task", { prerequisites: [{ payload: {} }] }],
])("a payload with %s is refused", async (_case, payload) => {
  const { outcome } = await runTask(dependentReport, payload);
  expect(outcome).toMatchObject({ state: "failed", error: { rule: "payload-schema" } });
});

test("in a process it spends one attempt, however long it has waited", async () => {
  const sum = async ({ of = [] }: { of?: number[] }) => of.reduce((a, b) => a + b, 0);
  await using kit = await testRuntime({ dependent_report: dependentReport, sum });
  const early = await kit.enqueue("sum", { of: [1, 2] }, { delay: "1h" });
  const { id } = await kit.enqueue("dependent_report", {
    prerequisite_task_ids: [early.id],
    prerequisites: [{ task: "sum", payload: { of: [3, 4] } }],
  });
  await kit.drain();
  expect(await kit.job(id)).toMatchObject({ state: "blocked", attempts: 0 });
  await kit.runJob(early.id);
  await kit.drain();
  expect(await kit.job(id)).toMatchObject({ state: "completed", attempts: 1 });
  const { jobs: found } = JSON.parse(await reportFile(`${id}.json`));
  expect(found).toMatchObject([{ output: 3 }, { output: 7 }]);
});
