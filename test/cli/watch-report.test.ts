import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watchReport } from "../../src/cli/watch-report.ts";
import { resolveTask } from "../../src/core/resolve-task.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { signal, testRuntime } from "../support/test-runtime.ts";

let kit: TestRuntime;
let runtime: Runtime;
let said: () => string;
const started = signal();
const mayEnd = signal();

beforeEach(async () => {
  kit = await testRuntime({
    work: async () => {
      started.resolve();
      await mayEnd.promise;
    },
  });
  runtime = kit.createRuntime();
  await runtime.start();
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  said = () => write.mock.calls.map(([text]) => text).join("");
});

afterEach(async () => {
  vi.restoreAllMocks();
  await runtime.stop();
  await kit.stop();
});

test("it tells reloads with the jobs on older code, faults, and the configuration", async () => {
  await kit.enqueue("work");
  await started.promise;
  const work = resolveTask(() => null, { name: "work", file: "/w.ts", version: 2, layers: [] });
  const catalog = { tasks: new Map([["work", work]]), failures: [] };
  runtime.publish(catalog);
  const report = watchReport(() => runtime, { isLeader: true });
  const none = { files: [], added: [], removed: [], failures: [], durationMs: 1 };
  report.changed({ catalog, ...none, reloaded: [work] }, 12);
  expect(said()).toContain("↻ work v2 (12 ms) · 1 job still on v1\n");
  mayEnd.resolve();

  const place = { file: "/w.ts", line: 1, column: 2, frame: null, fix: "Close it." };
  const fault = {
    failure: { code: "syntax-error", task: "work", reason: "open", ...place } as const,
    tasks: ["work"],
  };
  report.faults([fault], []);
  expect(said()).toContain(
    "/w.ts:1:2: open\n  Close it.\n  Until it is mended, jobs run on work v2",
  );
  report.faults([], [fault]);
  expect(said()).toContain("✓ /w.ts is in order again");

  report.configRefused(new Error("no good"));
  expect(said()).toContain("no good");
  expect(said()).toContain("Going on with the last good configuration.");
  report.configApplied();
  expect(said()).toContain("applies from the next attempt on");
  report.disposeFailed(new Error("still open"), "db");
  expect(said()).toContain("db: what it opened could not be closed: still open");
  report.crontabChanged(
    "/x/crontab",
    await runtime.reloadCrontab("* * * * * work\n* * * * * nope"),
  );
  expect(said()).toContain("↻ /x/crontab: 1 line runs");
  expect(said()).toContain("/x/crontab:2:11: ");
  report.trouble(new Error("lost the folder"));
  expect(said()).toContain("lost the folder");
});
