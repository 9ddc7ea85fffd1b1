import { expect, test } from "vitest";
import {
  changed,
  extended,
  type HeldList,
  heldList,
  refreshed,
} from "../../../src/dashboard/live/held-list.ts";

interface Row {
  readonly id: string;
  readonly status: string;
}

const row = (id: number, status = "pending"): Row => ({ id: String(id), status });
const page = (
  rows: readonly Row[],
  nextCursor: string | null = null,
  searchedTo: string | null = null,
) => ({ rows, nextCursor, searchedTo });
const ids = ({ rows }: Pick<HeldList<Row>, "rows">): string[] => rows.map(({ id }) => id);

test("newer rows wait; those that are shown change in their places", () => {
  const held = heldList(page([row(10), row(9)]));
  const next = refreshed(held, page([row(11), row(10, "running"), row(9)]));
  expect(ids(next)).toEqual(["10", "9"]);
  expect(next.rows[0]?.status).toBe("running");
  expect(next.waiting.map(({ id }) => id)).toEqual(["11"]);
});

test("a row that the filter no longer matches stays where it is and is marked", () => {
  const held = heldList(page([row(10), row(9), row(8)]));
  const next = refreshed(held, page([row(10), row(8)]));
  expect(ids(next)).toEqual(["10", "9", "8"]);
  expect([...next.left]).toEqual(["9"]);
  expect([...refreshed(next, page([row(10), row(9), row(8)])).left]).toEqual([]);
});

test("what is older than the page that was asked for again is not taken for gone", () => {
  const held = extended(heldList(page([row(10), row(9)], "9")), page([row(8), row(7)]));
  const next = refreshed(held, page([row(12), row(11)], "11"));
  expect([...next.left]).toEqual([]);
  expect(ids(next)).toEqual(["10", "9", "8", "7"]);
  expect(next.waiting).toHaveLength(2);
});

test("an empty list shows what comes", () => {
  const next = refreshed(heldList<Row>(page([])), page([row(2), row(1)]));
  expect(ids(next)).toEqual(["2", "1"]);
  expect(next.waiting).toEqual([]);
});

test("the next page is added, each row once", () => {
  const next = extended(heldList(page([row(10), row(9)], "9")), page([row(9), row(8)], "8"));
  expect(ids(next)).toEqual(["10", "9", "8"]);
  expect(next.nextCursor).toBe("8");
});

test("ids are compared as numbers", () => {
  const next = refreshed(heldList(page([row(99)])), page([row(100), row(99)]));
  expect(next.waiting.map(({ id }) => id)).toEqual(["100"]);
});

test("what is told of one row changes that row only", () => {
  const held = heldList(page([row(2), row(1)]));
  expect(changed(held, "1", { status: "failed" }).rows[1]?.status).toBe("failed");
  expect(changed(held, "7", { status: "failed" })).toBe(held);
});

test("a search that found nothing yet goes on from where it came, whatever is asked meanwhile", () => {
  const first = heldList(page([], "900", "2030-01-31T08:00:00Z"));
  const further = extended(first, page([], "800", "2030-01-30T08:00:00Z"));
  expect(further).toMatchObject({ nextCursor: "800", searchedTo: "2030-01-30T08:00:00Z" });
  expect(refreshed(further, page([], "905", "2030-01-31T08:01:00Z"))).toEqual(further);
  expect(ids(refreshed(further, page([row(950)], "905")))).toEqual(["950"]);
});

test("a page that came less far says nothing of the rows below", () => {
  const held = heldList(page([row(10), row(4)], "3"));
  expect([...refreshed(held, page([], "8", "2030-01-31T08:00:00Z")).left]).toEqual(["10"]);
});
