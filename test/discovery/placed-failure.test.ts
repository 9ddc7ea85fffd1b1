import { expect, test } from "vitest";
import {
  codeOf,
  messageOf,
  placedFailure,
  stackOf,
  textOf,
} from "../../src/discovery/placed-failure.ts";
import { TaskProject } from "../support/task-project.ts";

test("the frame is drawn from the file that the failure names", async () => {
  await using project = await TaskProject.of({ "a.ts": "const text = 1;" });
  const facts = {
    code: "import-threw",
    reason: "r",
    fix: "f",
    place: { line: 1, column: 7 },
  } as const;
  expect(placedFailure({ task: "t" }, { ...facts, file: project.path("a.ts") })).toMatchObject({
    task: "t",
    frame: "> 1 | const text = 1;\n    |       ^",
  });
  expect(
    placedFailure({ task: null }, { ...facts, file: project.path("gone.ts") }).frame,
  ).toBeNull();
  expect(textOf(project.path("gone.ts"))).toBeNull();
});

test("what was thrown may be anything", () => {
  const odd = Object.assign(new Error("m"), { code: 5, stack: 7 });
  expect([codeOf(odd), messageOf(odd), stackOf(odd)]).toEqual(["5", "m", ""]);
  expect([codeOf(null), messageOf("text"), stackOf(undefined)]).toEqual(["", "", ""]);
});
