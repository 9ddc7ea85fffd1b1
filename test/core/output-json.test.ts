import { expect, test } from "vitest";
import { toOutputJson } from "../../src/core/output-json.ts";

test.each([
  [undefined, null],
  [null, null],
  [() => 1, null],
  [0, "0"],
  ["", '""'],
  [{ at: new Date(0), gone: undefined }, '{"at":"1970-01-01T00:00:00.000Z"}'],
])("%s is kept as %s", (output, json) => {
  expect(toOutputJson(output)).toBe(json);
});

test("a circular output is refused with the place", () => {
  const order: Record<string, unknown> = { items: [{}] };
  order.items = [{ order }];
  expect(() => toOutputJson(order)).toThrow(
    "the output can't be kept as JSON: a circular reference at $.items[0].order",
  );
});

test("a BigInt is refused with the place", () => {
  expect(() => toOutputJson({ total: { cents: 5n } })).toThrow("a BigInt at $.total.cents");
});

test("a toJSON that throws is refused with its words", () => {
  const output = {
    toJSON() {
      throw new Error("closed");
    },
  };
  expect(() => toOutputJson(output)).toThrow("the output can't be kept as JSON: closed");
});

test("the same object twice is not circular", () => {
  const shared = { a: 1 };
  expect(toOutputJson([shared, shared])).toBe('[{"a":1},{"a":1}]');
});

test("what jsonb refuses is replaced, in keys too", () => {
  const json = toOutputJson({ "k\0": "a\0\ud800b" });
  expect(JSON.parse(json ?? "")).toEqual({ "k\ufffd": "a\ufffd\ufffdb" });
});

test("texts that only look like such escapes stay", () => {
  const output = { path: "C:\\u0000", two: "\\\\ud800", control: "\u0001", emoji: "😀" };
  expect(JSON.parse(toOutputJson(output) ?? "")).toEqual(output);
});

test("an escape right after a backslash of the text is still found", () => {
  expect(JSON.parse(toOutputJson("\\\0\0") ?? "")).toBe("\\\ufffd\ufffd");
});
