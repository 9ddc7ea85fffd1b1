import { expect, test } from "vitest";
import type { Limit } from "../../../src/core/task.ts";
import { limitKey } from "../../../src/runtime/holding-back/limit-key.ts";

function keyed(key: unknown, payload: unknown = {}): string | null {
  // why: the declared type is what people are asked for, not what their code does
  const of = (typeof key === "function" ? key : () => key) as Limit["key"];
  return limitKey({ key: of, concurrency: 1, rate: null }, payload);
}

test("the function's text is the key; nothing is no limit", () => {
  expect(keyed(({ t }: { t: string }) => t, { t: "acme" })).toBe("acme");
  expect(keyed(undefined)).toBe(null);
  expect(keyed(null)).toBe(null);
  expect(keyed("")).toBe("");
});

test("numbers and the like are keys by their text, and what Postgres can't keep is cut out", () => {
  expect(keyed(17)).toBe("17");
  expect(keyed(true)).toBe("true");
  expect(keyed("a\0b\ud800")).toBe("ab\ufffd");
});

test("keys that are too long for an index stay different keys", () => {
  const long = keyed("x".repeat(5000));
  expect(long?.length).toBeLessThan(500);
  expect(keyed("x".repeat(5001))).not.toBe(long);
  expect(keyed("x".repeat(5000))).toBe(long);
});

test("what can't be a key is refused", () => {
  expect(() => keyed({})).toThrow("limit.key returned an object");
  expect(() => keyed(Promise.resolve("a"))).toThrow(TypeError);
  expect(() => keyed(Symbol("a"))).toThrow("limit.key returned a symbol");
});
