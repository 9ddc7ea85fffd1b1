import { describe, expect, test } from "vitest";
import type { EnqueueOptions } from "../../../src/core/job.ts";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import { columnsFor } from "../../../src/runtime/enqueueing/columns-for.ts";

const anything = {
  "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) },
};

function taskOf(definition: object) {
  const origin = { name: "t", file: "t.ts", version: 1, layers: [] };
  return resolveTask({ handler() {}, ...definition }, origin);
}

describe("what a job says for itself", () => {
  const retry = { type: "fixed", interval_ms: 5, max_attempts: 7 } as const;
  const given: [options: EnqueueOptions, columns: object][] = [
    [{ retry }, { retry, max_attempts: 7 }],
    [
      { retry, maxAttempts: 2 },
      { retry, max_attempts: 2 },
    ],
    [{ retry: { baseDelay: "1s" } }, { retry: { baseDelay: "1s" }, max_attempts: 4 }],
    [{ timeout: "1m30s" }, { timeout: 90_000 }],
    [{ timeout: 250 }, { timeout: 250 }],
    [{ timeout: false }, { timeout: false }],
    [{ after: ["12", "13"] }, { after: ["12", "13"] }],
    [{ parentId: "7" }, { parent_id: "7" }],
    // why: as drivers give it that read bigint as such
    [{ parentId: 7n as unknown as string }, { parent_id: "7" }],
    [{ onParentFailure: "run" }, { on_parent_failure: "run" }],
    [{}, { max_attempts: 4, retry: undefined, timeout: undefined, after: undefined }],
  ];
  test.each(given)("%o", (options, columns) => {
    const task = taskOf({ retry: { maxAttempts: 4 } });
    expect(columnsFor(task, {}, options)).toMatchObject(columns);
    expect(JSON.stringify(columnsFor(task, {}, options))).toContain("max_attempts");
  });

  const refused: [options: object, problem: string][] = [
    [{ retry: { factor: 0 } }, "retry.factor: got 0, expected a number of at least 1"],
    [{ retry: { type: "fixed" } }, "retry.interval_ms: missing"],
    [{ timeout: "soon" }, 'timeout: got "soon", expected a duration like "30s"'],
    [{ timeout: 0 }, "timeout: got 0, expected"],
    [{ timeout: true }, "timeout: got true, expected"],
    [{ after: "12" }, 'after: got "12", expected an array of the ids of jobs'],
    [{ after: ["12", "x"] }, 'after: got ["12","x"], expected an array'],
    [{ onParentFailure: "go" }, 'onParentFailure: got "go", expected "cancel", "run" or "fail"'],
    [{ priority: "urgent" }, 'priority: got "urgent", expected critical'],
    [{ runAt: "2030-01-01", delay: 1 }, "Give runAt or delay, not both"],
  ];
  test.each(refused)("%j is refused", (options, problem) => {
    expect(() => columnsFor(undefined, {}, options as EnqueueOptions)).toThrow(
      expect.objectContaining({
        code: "bad-enqueue-option",
        message: expect.stringContaining(problem),
      }),
    );
  });
});

test("what a schema has accepted is not checked once more in the database", () => {
  expect(columnsFor(taskOf({ payload: anything }), {}, {})).toMatchObject({ validate: false });
  for (const task of [undefined, taskOf({})]) {
    expect(columnsFor(task, {}, {}).validate).toBeUndefined();
  }
});
