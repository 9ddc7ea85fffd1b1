import { expect, test } from "vitest";
import { errorCatalogue, TaskrunError } from "../../src/core/errors.ts";

test("every code comes with a next step that is a sentence", () => {
  for (const [code, nextStep] of Object.entries(errorCatalogue)) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(nextStep).toMatch(/^[A-Z].*\.$/);
  }
});

test("an error says what is wrong, then what to do, and carries its code and cause", () => {
  const cause = new Error("because");
  const error = new TaskrunError("bad-duration", '"5x" is not a duration', { cause });

  expect(error).toMatchObject({ name: "TaskrunError", code: "bad-duration", cause });
  expect(error.message).toBe(`"5x" is not a duration. ${errorCatalogue["bad-duration"]}`);
});

test("a next step of the place replaces the catalogue's", () => {
  const error = new TaskrunError("bad-duration", "wrong", { nextStep: "Ask Ann." });

  expect(error.message).toBe("wrong. Ask Ann.");
  expect(error.nextStep).toBe("Ask Ann.");
});

test("what ends with a mark of its own is given no second one", () => {
  const error = new TaskrunError("bad-duration", "delaay: did you mean delay?");
  expect(error.what).toBe("delaay: did you mean delay?");
  expect(error.message).toBe(`delaay: did you mean delay? ${errorCatalogue["bad-duration"]}`);
});
