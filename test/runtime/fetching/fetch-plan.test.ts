import { expect, test } from "vitest";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import { makeFetchPlan, type PlannedTask } from "../../../src/runtime/fetching/fetch-plan.ts";
import { GateSnapshot } from "../../../src/runtime/holding-back/gate-snapshot.ts";
import type { GateRows } from "../../../src/store/gates.ts";

let nextId = 1;

function planned(name: string, more: Record<string, unknown> = {}): PlannedTask {
  const definition = { handler: async () => null, ...more };
  const task = resolveTask(definition, { name, file: `/${name}.ts`, version: 1, layers: [] });
  return { task, names: new Map([name, ...task.aliases].map((each) => [nextId++, each])) };
}

const key = () => "k";
const tasks = {
  plain: planned("plain", { aliases: ["old"] }),
  capped: planned("capped", { concurrency: 3 }),
  keyed: planned("keyed", { limit: { key } }),
  both: planned("both", { limit: { key }, concurrency: 2 }),
  guarded: planned("guarded", { breaker: {}, concurrency: 1 }),
};

function planOf(rows: Partial<GateRows> = {}, here: Record<string, number> = {}) {
  const plan = makeFetchPlan({
    tasks: Object.values(tasks),
    gates: new GateSnapshot({ pauses: [], breakers: [], ...rows }, 0),
    countHere: (task) => here[task.name] ?? 0,
  });
  const slots = (each: { task: { name: string }; slots: number }) => [each.task.name, each.slots];
  return {
    open: [...plan.open.values()],
    capped: plan.capped.map(slots),
    limited: plan.limited.map(slots),
    canaries: plan.canaries.map(({ task }) => task.name),
    full: plan.full.map(({ name }) => name),
    pausedQueues: plan.pausedQueues,
    leavesOut: plan.leavesOut,
  };
}

function pause(kind: "all" | "task" | "queue", name: string): GateRows["pauses"] {
  return [{ kind, name, paused_by: null, reason: null }];
}

function openUntil(openUntilMs: number): GateRows["breakers"] {
  const row = { failures: 5, openedAtMs: 0, canaryProcess: null, canaryUntilMs: null };
  return [{ task: "guarded", state: "open", openUntilMs, lastError: null, ...row }];
}

test("while nothing is held, tasks are sorted by what bounds them", () => {
  expect(planOf()).toEqual({
    open: ["plain", "old"],
    capped: [
      ["capped", 3],
      ["guarded", 1],
    ],
    limited: [
      ["keyed", Number.POSITIVE_INFINITY],
      ["both", 2],
    ],
    canaries: [],
    full: [],
    pausedQueues: [],
    leavesOut: false,
  });
});

test("what runs and waits here takes slots; without a slot a task is left out", () => {
  const { capped, limited, full, leavesOut } = planOf({}, { capped: 2, both: 2, plain: 50 });
  expect(capped).toEqual([
    ["capped", 1],
    ["guarded", 1],
  ]);
  expect(limited).toEqual([["keyed", Number.POSITIVE_INFINITY]]);
  expect(full).toEqual(["both"]);
  expect(leavesOut).toBe(true);
});

test("a paused task is in no kind, by whichever name", () => {
  const { open, leavesOut } = planOf({ pauses: pause("task", "old") });
  expect(open).toEqual([]);
  expect(leavesOut).toBe(true);
});

test("with everything paused there is nothing to fetch", () => {
  expect(planOf({ pauses: pause("all", "") })).toMatchObject({
    open: [],
    capped: [],
    limited: [],
    canaries: [],
    full: [],
  });
});

test("a paused serial queue is named, and holds no task", () => {
  const { pausedQueues, leavesOut } = planOf({ pauses: pause("queue", "line") });
  expect(pausedQueues).toEqual(["line"]);
  expect(leavesOut).toBe(false);
});

test("an open breaker takes its task out; when its time has come the task is a canary", () => {
  expect(planOf({ breakers: openUntil(1) })).toMatchObject({ canaries: [], full: [] });
  const due = planOf({ breakers: openUntil(0) });
  expect(due).toMatchObject({ canaries: ["guarded"], capped: [["capped", 3]], leavesOut: true });
});

test("a canary too waits for a slot", () => {
  expect(planOf({ breakers: openUntil(0) }, { guarded: 1 })).toMatchObject({
    canaries: [],
    full: ["guarded"],
  });
});
