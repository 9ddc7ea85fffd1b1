import { describe, expect, test } from "vitest";
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

/** What is kept of an output, and what was told about it. */
function kept(output: unknown): { output: unknown; told: string[] } {
  const told: string[] = [];
  const json = toOutputJson(output, (change) => told.push(change));
  return { output: json === null ? null : JSON.parse(json), told };
}

describe("what JSON has no word for is kept as well as it can be, and told", () => {
  const circular: Record<string, unknown> = { items: [{}] };
  circular.items = [{ order: circular }];
  const throwing = {
    ok: 1,
    get bad() {
      throw new Error("closed");
    },
  };
  const named = Object.assign(new TypeError("no"), { code: "E1" });

  test.each<[string, unknown, unknown, string]>([
    [
      "a circular reference",
      circular,
      { items: [{ order: "[circular]" }] },
      "a circular reference at $.items[0].order",
    ],
    ["a BigInt", { total: { cents: 5n } }, { total: { cents: "5n" } }, "a BigInt at $.total.cents"],
    ["a BigInt as a whole", 7n, "7n", "a BigInt at $"],
    ["a Map with names", { m: new Map([["a", 1]]) }, { m: { a: 1 } }, "a Map at $.m"],
    ["a Map without", new Map([[{ k: 1 }, 2]]), [[{ k: 1 }, 2]], "a Map at $"],
    ["a Set", { s: new Set([1, 2]) }, { s: [1, 2] }, "a Set at $.s"],
    ["an error", named, { name: "TypeError", message: "no", code: "E1" }, "an error at $"],
    ["a symbol", Symbol("s"), "Symbol(s)", "a symbol at $"],
    [
      "a getter that throws",
      throwing,
      { ok: 1, bad: "[unreadable]" },
      "what can't be read (Error: closed) at $.bad",
    ],
    [
      "a toJSON that throws",
      {
        toJSON() {
          throw new Error("closed");
        },
      },
      "[unreadable]",
      "what can't be read (Error: closed) at $",
    ],
    [
      "a proxy that bites",
      new Proxy(
        {},
        {
          get() {
            throw null;
          },
          ownKeys() {
            throw null;
          },
        },
      ),
      "[unreadable]",
      "what can't be read (null) at $",
    ],
  ])("%s", (_what, given, output, told) => {
    expect(kept(given)).toEqual({ output, told: [told] });
  });

  test("ten thousand levels", () => {
    let deep: unknown = "the bottom";
    for (let level = 0; level < 10_000; level += 1) deep = { deep };
    const { output, told } = kept(deep);
    expect(JSON.stringify(output)).toContain("[too deep]");
    expect(told).toHaveLength(1);
  });

  test("a hundred megabytes are cut, with their size and their start", () => {
    const { output, told } = kept({ text: "x".repeat(100_000_000) });
    expect(output).toEqual({
      $cut: "100000011 characters of JSON",
      $start: expect.stringMatching(/^\{"text":"xxx/),
    });
    expect(told).toEqual(["it has 100000011 characters of JSON, more than 1000000: cut"]);
  });

  test("a million BigInts tell of the first ones", () => {
    const { told } = kept(Array.from({ length: 1_000_000 }, () => 1n));
    expect(told.join()).toMatch(/^a BigInt at \$\[0\], .*, and 999995 more,it has/);
  });

  test("what JSON says in its own way is not told", () => {
    const output = { none: {}, when: new Date(Number.NaN), nan: Number.NaN, f: () => 1 };
    expect(kept(output)).toEqual({ output: { none: {}, when: null, nan: null }, told: [] });
    expect(kept(new Date(Number.NaN))).toEqual({ output: null, told: [] });
  });
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
