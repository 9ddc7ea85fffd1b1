import { describe, expect, test } from "vitest";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import type { Task } from "../../../src/core/task.ts";
import { GateSnapshot } from "../../../src/runtime/holding-back/gate-snapshot.ts";
import type { BreakerRow, GateRows } from "../../../src/store/gates.ts";

function task(name: string, more: Record<string, unknown> = {}): Task {
  const definition = { handler: async () => null, ...more };
  return resolveTask(definition, { name, file: `/${name}.ts`, version: 1, layers: [] });
}

const plain = task("plain", { aliases: ["old:plain"] });
const guarded = task("guarded", { breaker: { failures: 2 } });

function pauses(...given: [kind: "all" | "task" | "queue", name: string][]): GateRows["pauses"] {
  return given.map(([kind, name]) => ({ kind, name, paused_by: null, reason: null }));
}

function breaker(row: Partial<BreakerRow>): BreakerRow[] {
  const known = { task: "guarded", failures: 2, openedAtMs: 0, openUntilMs: 1000, lastError: null };
  return [{ state: "open", canaryProcess: null, canaryUntilMs: null, ...known, ...row }];
}

const snapshot = (rows: Partial<GateRows>, nowMs = 500) =>
  new GateSnapshot({ pauses: [], breakers: [], ...rows }, nowMs);

describe("a pause", () => {
  test("of everything holds every task", () => {
    expect(snapshot({ pauses: pauses(["all", ""]) }).passage(plain)).toBe("held");
  });

  test("of a task holds it by its name or an alias, and no other", () => {
    for (const name of ["plain", "old:plain"]) {
      const held = snapshot({ pauses: pauses(["task", name]) });
      expect([plain, guarded].map((each) => held.passage(each))).toEqual(["held", "free"]);
    }
  });

  test("of a serial queue holds no task", () => {
    const held = snapshot({ pauses: pauses(["queue", "plain"]) });
    expect(held.passage(plain)).toBe("free");
    expect(held.pausedQueues).toEqual(["plain"]);
    expect(held.holds).toBe(true);
  });
});

describe("a breaker", () => {
  const passage = (row: Partial<BreakerRow>, nowMs?: number) =>
    snapshot({ breakers: breaker(row) }, nowMs).passage(guarded);

  test("that is closed holds nothing, however many failures it has counted", () => {
    expect(passage({ state: "closed", failures: 1 })).toBe("free");
    expect(snapshot({ breakers: breaker({ state: "closed" }) }).holds).toBe(false);
  });

  test("that is open holds its task until its time has come, then lets one job through", () => {
    expect(passage({}, 999)).toBe("held");
    expect(passage({}, 1000)).toBe("one");
  });

  test("that is half open lets one through, unless somebody has claimed it for a while yet", () => {
    const halfOpen = { state: "half_open" } as const;
    expect(passage(halfOpen)).toBe("one");
    const claimed = { ...halfOpen, canaryProcess: "p", canaryUntilMs: 2000 };
    expect(passage(claimed, 1999)).toBe("held");
    expect(passage(claimed, 2000)).toBe("one");
  });

  test("of a task without one in this code is nobody's", () => {
    const rows = { breakers: breaker({ task: "plain" }) };
    expect(snapshot(rows).passage(plain)).toBe("free");
    expect(snapshot(rows).nextChangeMs([plain])).toBeNull();
  });

  test("says when time alone will change something", () => {
    expect(snapshot({ breakers: breaker({}) }).nextChangeMs([plain, guarded])).toBe(1000);
    expect(snapshot({ breakers: breaker({}) }, 1000).nextChangeMs([guarded])).toBeNull();
    const claimed = breaker({ state: "half_open", canaryProcess: "p", canaryUntilMs: 700 });
    expect(snapshot({ breakers: claimed }).nextChangeMs([guarded])).toBe(700);
  });
});
