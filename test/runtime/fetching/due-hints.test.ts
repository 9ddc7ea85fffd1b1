import { expect, test } from "vitest";
import { DueHints } from "../../../src/runtime/fetching/due-hints.ts";

test("nothing is due until a hint comes, nor after an answer that was not full", () => {
  const due = new DueHints();
  expect(due.open).toBe(false);
  due.hint();
  expect(due.open).toBe(true);
  due.answered(due.asked(), false);
  expect(due.open).toBe(false);
});

test("a full answer says that there is more, even without a hint", () => {
  const due = new DueHints();
  due.answered(due.asked(), true);
  expect(due.open).toBe(true);
});

test("a hint that comes while a question is under way outlives its answer", () => {
  const due = new DueHints();
  due.hint();
  const asked = due.asked();
  due.hint();
  due.answered(asked, false);
  expect(due.open).toBe(true);
});

test("any number of hints during one question cost one further question", () => {
  const due = new DueHints();
  const asked = due.asked();
  for (let n = 0; n < 1000; n += 1) due.hint();
  due.answered(asked, false);
  expect(due.open).toBe(true);
  due.answered(due.asked(), false);
  expect(due.open).toBe(false);
});

test("an early question's short answer doesn't hide what a later, full one found", () => {
  for (const order of ["early first", "late first"]) {
    const due = new DueHints();
    due.hint();
    const early = due.asked();
    due.hint();
    const late = due.asked();
    if (order === "early first") due.answered(early, false);
    due.answered(late, true);
    if (order === "late first") due.answered(early, false);
    expect(due.open).toBe(true);
  }
});

test("a later question's short answer outweighs an earlier, full one", () => {
  const due = new DueHints();
  const early = due.asked();
  const late = due.asked();
  due.answered(late, false);
  due.answered(early, true);
  expect(due.open).toBe(false);
});
