import { expect, test } from "vitest";
import type { ErrorGroupRecord } from "../../../src/dashboard/api/records.ts";
import { mergeGroups } from "../../../src/dashboard/errors/merge-groups.ts";

const group = (fingerprint: string, count: number, day: number): ErrorGroupRecord => ({
  fingerprint,
  task_type: "mail",
  error_name: "Error",
  error_message: `on the ${day}th`,
  frame: null,
  count,
  first_seen: `2030-01-${day - 1}T08:00:00Z`,
  last_seen: `2030-01-${day}T08:00:00Z`,
  example_id: String(day),
});

test("a fault on two pages is one, with both counts, its first moment and its newest words", () => {
  const newer = [group("a", 3, 30), group("b", 1, 29)];
  const older = [group("c", 1, 22), group("a", 2, 20)];
  expect(mergeGroups([newer, older])).toEqual([
    { ...group("a", 5, 30), first_seen: "2030-01-19T08:00:00Z" },
    group("b", 1, 29),
    group("c", 1, 22),
  ]);
});
