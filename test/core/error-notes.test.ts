import { expect, test } from "vitest";
import { ErrorNotes } from "../../src/core/error-notes.ts";

test("keeps a note of an error, the last one, and none of others", () => {
  const notes = new ErrorNotes<string>();
  const error = Object.freeze(new Error("no"));
  notes.add(error, "a.ts");
  notes.add(error, "b.ts");
  expect(notes.of(error)).toBe("b.ts");
  expect(notes.of(new Error("no"))).toBe(null);
});

test("keeps none of what is no object", () => {
  const notes = new ErrorNotes<string>();
  for (const thrown of [undefined, null, "no", 1]) {
    notes.add(thrown, "a.ts");
    expect(notes.of(thrown)).toBe(null);
  }
});
