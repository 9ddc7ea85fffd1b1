import { beforeEach, expect, test } from "vitest";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import { CappedSlots } from "../../../src/runtime/fetching/capped-slots.ts";
import { type FetchPlan, makeFetchPlan } from "../../../src/runtime/fetching/fetch-plan.ts";
import { GateSnapshot } from "../../../src/runtime/holding-back/gate-snapshot.ts";
import type { QueueJob } from "../../../src/store/queue/queue-job.ts";

const definition = { handler: async () => null, concurrency: 3, aliases: ["old"] };
const task = resolveTask(definition, { name: "t", file: "/t.ts", version: 1, layers: [] });

let slots: CappedSlots;
beforeEach(() => {
  slots = new CappedSlots();
});

function plan(here: number): FetchPlan {
  const names = new Map([
    [1, "t"],
    [2, "old"],
  ]);
  return makeFetchPlan({
    tasks: [{ task, names }],
    gates: new GateSnapshot({ pauses: [], breakers: [] }, 0),
    countHere: () => here + slots.asked(task),
  });
}

// why: of a job, only its task is asked for
const jobs = (...names: string[]) => names.map((name) => ({ task: name }) as QueueJob);

test("slots that are being asked for are not free until they are given back", () => {
  const giveBack = slots.reserve(plan(1), 10);
  expect(slots.asked(task)).toBe(2);
  expect(plan(1).full).toEqual([task]);
  giveBack();
  expect(slots.asked(task)).toBe(0);
});

test("no more is asked for than the fetch may bring", () => {
  slots.reserve(plan(0), 1);
  expect(slots.asked(task)).toBe(1);
});

test("a freed slot may have been waited for when the task was full, once", () => {
  expect(slots.freed(task)).toBe(false);
  slots.reserve(plan(3), 10);
  expect(slots.freed(task)).toBe(true);
  expect(slots.freed(task)).toBe(false);
});

test("so it may after an answer that took all slots, by whichever name, but not after less", () => {
  const asked = plan(1);
  slots.reserve(asked, 10)();
  slots.answered(asked, 10, jobs("t", "old", "other"));
  expect(slots.freed(task)).toBe(true);
  slots.answered(asked, 10, jobs("t", "other"));
  expect(slots.freed(task)).toBe(false);
});

test("a slot that is freed while a fetch is under way is one that it doesn't know of", () => {
  const giveBack = slots.reserve(plan(2), 10);
  expect(slots.freed(task)).toBe(true);
  giveBack();
  expect(slots.freed(task)).toBe(false);
});
