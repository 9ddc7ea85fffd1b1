import { expect, test } from "vitest";
import { isLoadFailure, loadFailure } from "../../src/discovery/load-failure.ts";

const facts = { code: "import-threw", task: "a", file: "/a.ts", reason: "r", fix: "f" } as const;

test("a failure without a place has no line, no column and no frame", () => {
  expect(loadFailure({ ...facts, source: "text" })).toEqual({
    ...facts,
    line: null,
    column: null,
    frame: null,
  });
});

test("a failure with a place has a frame when the text is known", () => {
  const place = { line: 1, column: 3 };
  expect(loadFailure({ ...facts, place })).toMatchObject({ line: 1, column: 3, frame: null });
  expect(loadFailure({ ...facts, place, source: "text" }).frame).toBe("> 1 | text\n    |   ^");
});

test("a failure is told from a task and from a module", () => {
  expect(isLoadFailure(loadFailure(facts))).toBe(true);
  expect(isLoadFailure({ name: "a", file: "/a.ts" })).toBe(false);
  expect(isLoadFailure({ module: { default: facts } })).toBe(false);
});
