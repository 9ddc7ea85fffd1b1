import { expect, test } from "vitest";
import { CommandArguments } from "../../src/cli/command-arguments.ts";

const args = new CommandArguments(
  {
    _: [],
    task: "",
    limit: "5",
    far: "99",
    half: "1.5",
    twice: ["a", "b"],
    json: true,
    "poll-interval": "1s",
    config: "a.ts",
  },
  ["pollInterval", "concurrency"],
);

test("texts, switches and numbers are read by name", () => {
  expect(args.text("limit")).toBe("5");
  expect(args.text("absent")).toBeUndefined();
  expect(args.isSet("json")).toBe(true);
  expect(args.isSet("absent")).toBe(false);
  expect(args.wholeNumber("limit", { min: 1, max: 5 })).toBe(5);
  expect(args.wholeNumber("absent", { min: 1, max: 5 })).toBeUndefined();
});

test.each(["far", "half"])("%s is no whole number in the range", (name) => {
  expect(() => args.wholeNumber(name, { min: 1, max: 5 })).toThrow("from 1 to 5");
});

test("a flag that was given twice and an argument that is empty are refused", () => {
  expect(() => args.text("twice")).toThrow("--twice was given 2 times");
  expect(() => args.required("task")).toThrow("<task> is missing");
});

test("the configuration gets its flags by option name, and only those that were given", () => {
  expect(args.forConfig()).toEqual({ flags: { pollInterval: "1s" }, configFile: "a.ts" });
});
