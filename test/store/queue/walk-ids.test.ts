import { afterEach, expect, test, vi } from "vitest";
import { type IdSource, walkIds } from "../../../src/store/queue/walk-ids.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** Has the ids from `newest` down to 1, of which each `nth` is meant. */
function source(newest: number, nth: number, seen: number[] = []): IdSource {
  return async ({ before, rows, limit }) => {
    const from = before === null ? newest : Math.min(newest, Number(before) - 1);
    const floor = from - rows + 1 > 1 ? from - rows + 1 : 0;
    const ids: string[] = [];
    for (let id = from; id >= Math.max(floor, 1) && ids.length < limit; id -= 1) {
      if (id % nth === 0) ids.push(String(id));
    }
    seen.push(rows);
    return { ids, floor: String(floor) };
  };
}

const toTheEnd = { before: null, budgetMs: Number.POSITIVE_INFINITY };

test("the newest of all sources come first, as many as were asked for", async () => {
  const sources = [source(100_000, 2_000), source(99_999, 3_000)];
  const { ids, searchedTo } = await walkIds(sources, { ...toTheEnd, limit: 5 });
  expect(ids).toEqual(["100000", "99000", "98000", "96000", "94000"]);
  expect(searchedTo).toBeNull();
});

test("without enough of them it goes on to the end, and one in two sources is found once", async () => {
  const { ids, searchedTo } = await walkIds([source(9_000, 3_000), source(9_000, 4_500)], {
    ...toTheEnd,
    limit: 50,
  });
  expect(ids).toEqual(["9000", "6000", "4500", "3000"]);
  expect(searchedTo).toBeNull();
});

test("when the time is over it says how far all of them have come, and nothing below it", async () => {
  const sources = [source(1_000_000, 999_999_999), source(999_900, 10)];
  const first = await walkIds(sources, { before: null, budgetMs: 0, limit: 20 });
  // The first source came down to 999,751; the second one may have found more below.
  expect(first.searchedTo).toBe("999751");
  expect(first.ids.at(0)).toBe("999900");
  expect(first.ids.every((id) => Number(id) >= 999_751)).toBe(true);
  const next = await walkIds(sources, { before: first.searchedTo, budgetMs: 0, limit: 20 });
  expect(next.ids[0]).toBe("999750");
});

test("pieces grow while answers come quickly, up to a bound", async () => {
  // Each answer comes at once, however busy the machine is.
  vi.useFakeTimers({ toFake: ["performance"] });
  const seen: number[] = [];
  await walkIds([source(200_000, 999_999, seen)], { ...toTheEnd, limit: 1 });
  expect(seen.slice(0, 4)).toEqual([250, 1_000, 4_000, 16_000]);
  expect(Math.max(...seen)).toBe(20_000);
});

test("ids beyond what a number holds are in their order", async () => {
  const big: IdSource = async ({ before }) => ({
    ids: ["9007199254740993", "9007199254740992"].filter((id) => before === null || id < before),
    floor: "0",
  });
  expect((await walkIds([big], { ...toTheEnd, limit: 5 })).ids).toEqual([
    "9007199254740993",
    "9007199254740992",
  ]);
});
