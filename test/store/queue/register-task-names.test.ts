import { afterEach, beforeEach, expect, test } from "vitest";
import { registerTaskNames } from "../../../src/store/queue/register-task-names.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const register = (names: string[]) => registerTaskNames(q.db, q.schemas, names);

test("known names keep their numbers, new ones get some, others are left out", async () => {
  await q.add({}, {}, "elsewhere");
  const first = await register(["a", "b"]);
  expect([...first.values()].toSorted()).toEqual(["a", "b"]);
  const second = await register(["b", "c"]);
  const numberOf = (map: Map<number, string>, name: string) =>
    [...map].find(([, each]) => each === name)?.[0];
  expect(numberOf(second, "b")).toBe(numberOf(first, "b"));
  expect([...second.values()].toSorted()).toEqual(["b", "c"]);
});

test("names that are known already use up no numbers", async () => {
  await register(["a"]);
  for (let n = 0; n < 20; n += 1) await register(["a"]);
  const { rows } = await q.db.query(
    "select max(id) - min(id) as used from graphile_worker._private_tasks",
  );
  expect(rows).toEqual([{ used: 0 }]);
});

test("processes that register the same names together agree", async () => {
  const maps = await Promise.all([1, 2, 3, 4].map(() => register(["x", "y", "z"])));
  for (const map of maps) expect(map).toEqual(maps[0]);
  expect(maps[0]?.size).toBe(3);
});

test("no names are no tasks", async () => {
  expect(await register([])).toEqual(new Map());
});
