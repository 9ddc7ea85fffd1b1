import { expect, test } from "vitest";
import { CommandArguments } from "../../src/cli/command-arguments.ts";
import { describeGate, gateFrom } from "../../src/cli/gate.ts";

const gateOf = (values: Record<string, unknown>) => gateFrom(new CommandArguments(values, []));

test("a task, a queue or everything is meant", () => {
  expect(gateOf({ task: "a" })).toEqual({ kind: "task", name: "a" });
  expect(gateOf({ queue: "q" })).toEqual({ kind: "queue", name: "q" });
  expect(gateOf({ all: true })).toEqual({ kind: "all", name: "" });
});

test("nothing, two things and an empty name are refused", () => {
  for (const values of [{}, { task: "a", all: true }, { task: "a", queue: "q" }, { queue: "" }]) {
    expect(() => gateOf(values)).toThrow("one of the three");
  }
});

test("it is told to people in a few words", () => {
  expect(
    [{ task: "a" }, { queue: "q" }, { all: true }].map((each) => describeGate(gateOf(each))),
  ).toEqual(["task a", "queue q", "all tasks"]);
});
