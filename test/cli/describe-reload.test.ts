import { describe, expect, test } from "vitest";
import { describeFault, describeMended, describeReload } from "../../src/cli/describe-reload.ts";
import type { ChangeSet } from "../../src/core/catalog.ts";
import { resolveTask } from "../../src/core/resolve-task.ts";
import type { Task } from "../../src/core/task.ts";

function task(name: string, version = 1): Task {
  return resolveTask(() => null, { name, file: `/tasks/${name}.ts`, version, layers: [] });
}

function lines(change: Partial<ChangeSet>, running: Record<string, number> = {}): string[] {
  const catalog = { tasks: new Map(), failures: [] };
  const none = { files: [], added: [], reloaded: [], removed: [], failures: [], durationMs: 0 };
  return describeReload({
    change: { catalog, ...none, ...change },
    liveMs: 12.4,
    runningOnOlder: ({ name }) => running[name] ?? 0,
  });
}

describe("a reload", () => {
  test("is one line with version and time", () => {
    expect(lines({ reloaded: [task("send_email", 3)] })).toEqual(["↻ send_email v3 (12 ms)"]);
  });

  test("tells the jobs that run on older code", () => {
    expect(lines({ reloaded: [task("a", 2)] }, { a: 2 })).toEqual([
      "↻ a v2 (12 ms) · 2 jobs still on v1",
    ]);
    expect(lines({ reloaded: [task("a", 4), task("b", 2)] }, { a: 1 })).toEqual([
      "↻ a v4, b v2 (12 ms) · 1 job still on older versions",
    ]);
  });

  test("of many tasks names the first five", () => {
    const reloaded = Array.from({ length: 300 }, (_, index) => task(`t${index}`, 2));
    expect(lines({ reloaded })).toEqual([
      "↻ t0 v2, t1 v2, t2 v2, t3 v2, t4 v2 and 295 more (12 ms)",
    ]);
  });

  test("has a line each for new and for removed tasks", () => {
    expect(lines({ added: [task("new")], removed: [task("old")] })).toEqual([
      "+ new (12 ms)",
      "- old: its jobs wait",
    ]);
    expect(lines({ removed: [task("a"), task("b")] })).toEqual(["- a, b: their jobs wait"]);
  });
});

describe("a fault", () => {
  const failure = {
    code: "syntax-error",
    task: "a",
    file: "/x/lib/shared.ts",
    line: 3,
    column: 7,
    reason: "Unexpected end of file",
    fix: "Close it.",
    frame: "> 3 | const",
  } as const;

  test("shows place, frame and fix, and what runs meanwhile", () => {
    const text = describeFault({ failure, tasks: ["a", "b", "c"] }, (name) =>
      name === "c" ? null : 4,
    );
    expect(text.split("\n")).toEqual([
      "/x/lib/shared.ts:3:7: Unexpected end of file",
      "  > 3 | const",
      "  Close it.",
      "  Until it is mended, jobs run on a v4, b v4.",
      "  Until it is mended, jobs of c wait.",
    ]);
  });

  test("that is gone is one line", () => {
    expect(describeMended({ failure, tasks: [] })).toBe("✓ /x/lib/shared.ts is in order again");
  });
});
