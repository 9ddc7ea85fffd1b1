import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  deepestPayload,
  faultOfText,
  longestPayload,
  toPayloadJson,
} from "../../src/core/payload-json.ts";

class Money {
  readonly cents = 5;
  toJSON() {
    return { cents: this.cents };
  }
}

function circle(): unknown {
  const self: Record<string, unknown> = { a: [{}] };
  self.a = [{ back: self }];
  return self;
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

function answersOnce(): unknown {
  const answers: unknown[] = [1];
  return { toJSON: () => answers.pop() };
}

const hostile = new Proxy(
  {},
  {
    ownKeys() {
      throw new Error("hands off");
    },
  },
);

describe("is refused with its place", () => {
  const refused: [what: string, payload: unknown, fault: string][] = [
    ["a BigInt", { a: [1n] }, "a BigInt, which JSON has no word for, at $.a[0]"],
    ["a circle", circle(), "a circular reference at $.a[0].back"],
    ["NaN", { n: Number.NaN }, "NaN, which JSON has no word for, at $.n"],
    ["Infinity", [-Infinity], "-Infinity, which JSON has no word for, at $[0]"],
    ["a Date that is none", { at: new Date("x") }, "NaN, which JSON has no word for, at $.at"],
    ["a Map", { m: new Map([[1, 2]]) }, "Map, whose content JSON doesn't keep, at $.m"],
    ["a Set", new Set([1]), "Set, whose content JSON doesn't keep, at $"],
    ["an error", { e: new Error("x") }, "Error, whose content JSON doesn't keep, at $.e"],
    ["bytes", { b: new Uint8Array(2) }, "Uint8Array, whose content JSON doesn't keep, at $.b"],
    ["a promise", { p: Promise.resolve() }, "Promise, whose content JSON doesn't keep, at $.p"],
    ["a function", { f() {} }, "function, which JSON would leave out, at $.f"],
    ["a symbol", Symbol("s"), "symbol, which JSON would leave out, at $"],
    ["undefined in a list", [1, undefined], "undefined, which JSON would leave out, at $[1]"],
    // biome-ignore lint/suspicious/noSparseArray: what this is about
    ["a hole", [1, , 2], "undefined, which JSON would leave out, at $[1]"],
    [
      "a NUL",
      { a: { "b c": "x\0" } },
      'a NUL character, which Postgres can\'t store, at $.a["b c"]',
    ],
    ["half a pair", ["\ud800"], "half of a surrogate pair, which Postgres can't store, at $[0]"],
    [
      "a NUL in a name",
      { a: { "\0": 1 } },
      "a NUL character, which Postgres can't store, in a name",
    ],
    ["ten thousand levels", nested(10_000), "more than 1000 levels at $[0][0]"],
    ["50 MB", { a: "x".repeat(50_000_000) }, "50000008 characters of JSON, more than 10000000"],
    ["what can't be read", hostile, "a value that can't be read (hands off)"],
    [
      "a getter that throws",
      {
        a: {
          get b(): never {
            throw new TypeError("not yet");
          },
        },
      },
      "a value that can't be read (not yet), at $.a.b",
    ],
    [
      "a toJSON that throws",
      {
        a: [
          {
            toJSON() {
              throw new RangeError("no such zone");
            },
          },
        ],
      },
      "a toJSON that throws (no such zone), at $.a[0]",
    ],
    ["a toJSON that answers once", answersOnce(), "a toJSON that returns undefined, at $"],
    [
      "a very long reason",
      {
        toJSON() {
          throw new Error("x".repeat(1e6));
        },
      },
      `a toJSON that throws (${"x".repeat(200)}…), at $`,
    ],
    ["a very long name", { ["x".repeat(1e6)]: 1n }, `at $.${"x".repeat(60)}…`],
  ];
  test.each(refused)("%s", (_, payload, fault) => {
    expect(toPayloadJson(payload)).toMatchObject({
      ok: false,
      fault: expect.stringContaining(fault),
    });
  });
});

describe("is taken", () => {
  const taken: [what: string, payload: unknown, json: string][] = [
    ["a Date", { at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    ["what says of itself what it is", [new Money()], '[{"cents":5}]'],
    ["a property that is undefined, by leaving it out", { a: 1, b: undefined }, '{"a":1}'],
    ["the same object twice, side by side", Array(2).fill({ a: 1 }), '[{"a":1},{"a":1}]'],
    ["names that objects have themselves", JSON.parse('{"__proto__":{"constructor":1}}'), ""],
    ["the text of an escape", { a: "\\u0000" }, '{"a":"\\\\u0000"}'],
    ["as many levels as are allowed", nested(deepestPayload), ""],
  ];
  test.each(taken)("%s", (_, payload, json) => {
    const made = toPayloadJson(payload);
    expect(made.ok).toBe(true);
    if (made.ok && json !== "") expect(made.json).toBe(json);
    if (made.ok && json === "") expect(JSON.parse(made.json)).toEqual(payload);
  });

  test("as much as is allowed", () => {
    expect(toPayloadJson("x".repeat(longestPayload - 2)).ok).toBe(true);
    expect(toPayloadJson("x".repeat(longestPayload - 1)).ok).toBe(false);
  });
});

test("any JSON that Postgres can store is taken as it is, and anything at all is answered", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "grapheme" }), (value) => {
      const made = toPayloadJson(value);
      const stored = JSON.stringify(value);
      if (made.ok) expect(made.json).toBe(stored);
      else expect(stored).toMatch(/\\u0000|\\ud/);
    }),
    { seed: 1, numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withMap: true, withDate: true }), (value) => {
      const made = toPayloadJson(value);
      if (!made.ok) expect(made.fault).toMatch(/ at \$|can't be read/);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("text that Postgres can't store is known", () => {
  expect(faultOfText("a\0")).toBe("a NUL character");
  expect(faultOfText("\udfff")).toBe("half of a surrogate pair");
  expect(faultOfText("😀 \\u0000")).toBeNull();
});
