import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maskAt, SecretTexts, textsAt } from "../../src/core/mask.ts";

describe("by place", () => {
  test.each<[unknown, string[][], unknown]>([
    [{ a: 1, b: 2 }, [["a"]], { a: "[secret]", b: 2 }],
    [{ a: { b: "x" } }, [["a"]], { a: "[secret]" }],
    [{ a: null, c: 0 }, [["a"], ["c"]], { a: null, c: "[secret]" }],
    [{ a: [{ t: 1 }, { u: 2 }] }, [["a", "*", "t"]], { a: [{ t: "[secret]" }, { u: 2 }] }],
    [[{ t: 1 }, { t: 2 }], [["t"]], [{ t: "[secret]" }, { t: "[secret]" }]],
    [["x", "y"], [["1"]], ["x", "[secret]"]],
    [{ a: { x: 1 }, b: { x: 2 } }, [["*", "x"]], { a: { x: "[secret]" }, b: { x: "[secret]" } }],
    [
      { t: 1, a: [{ b: { t: 2 } }] },
      [["**", "t"]],
      { t: "[secret]", a: [{ b: { t: "[secret]" } }] },
    ],
    ["x", [[]], "[secret]"],
    [
      { a: 1 },
      [
        ["b", "c"],
        ["a", "b"],
      ],
      { a: 1 },
    ],
  ])("%j without %j", (value, paths, masked) => {
    expect(maskAt(value, paths)).toEqual(masked);
  });

  test("a member called __proto__ stays one", () => {
    const value = JSON.parse('{"__proto__":{"t":1},"t":2}');
    expect(JSON.stringify(maskAt(value, [["t"]]))).toBe('{"__proto__":{"t":1},"t":"[secret]"}');
  });

  test("what is nested without end is masked, not a stack overflow", () => {
    const deep = JSON.parse(`${'{"a":'.repeat(5_000)}"x"${"}".repeat(5_000)}`);
    expect(JSON.stringify(maskAt(deep, [["**", "t"]]))).toContain("[secret]");
    expect(textsAt(deep, [["**", "t"]])).toEqual([]);
  });
});

test("the texts at a place are those beneath it, numbers too", () => {
  const value = { a: { b: "one", c: [2, null, true] }, d: "not" };
  expect(textsAt(value, [["a"]])).toEqual(["one", "2"]);
  expect(textsAt([{ a: "x" }, { a: "y" }], [["a"]])).toEqual(["x", "y"]);
  expect(textsAt({ t: "x", u: [{ t: "y" }] }, [["**", "t"]])).toEqual(["x", "y"]);
});

describe("by value", () => {
  test("a text is found as it is, in JSON and in an address", () => {
    const texts = new SecretTexts(['a "b" \\ü']);
    const said = 'x a "b" \\ü y';
    expect(texts.mask(said)).toBe("x [secret] y");
    expect(texts.mask(JSON.stringify({ said }))).toBe('{"said":"x [secret] y"}');
    expect(texts.mask(`?key=${encodeURIComponent('a "b" \\ü')}`)).toBe("?key=[secret]");
  });

  test("a key of several lines is found line by line", () => {
    const texts = new SecretTexts(["-----BEGIN-----\nabcdefghijklmnopqrstuvwxyz\n-----END-----"]);
    expect(texts.mask("line abcdefghijklmnopqrstuvwxyz is wrong")).toBe("line [secret] is wrong");
  });

  test("a longer one is masked before the shorter one in it", () => {
    expect(new SecretTexts(["abcd", "abcdef"]).mask("abcdef abcd")).toBe("[secret] [secret]");
  });

  test("what is shorter than four characters is not looked for", () => {
    const texts = new SecretTexts(["a", "", "123"]);
    expect(texts.isEmpty).toBe(true);
    expect(texts.mask("a 123")).toBe("a 123");
  });

  test("names and numbers of a value are masked as well", () => {
    const texts = new SecretTexts(["12345", "name"]);
    expect(texts.maskValue({ name: [12345, 6, "12345!"] })).toEqual({
      "[secret]": ["[secret]", 6, "[secret]!"],
    });
  });

  test("no text is left anywhere in a value", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), fc.jsonValue(), (secret, value) => {
        const texts = new SecretTexts([secret]);
        const masked = texts.maskValue({ value, [secret]: [`x${secret}y`] });
        fc.pre(!"[secret]".includes(secret));
        expect(JSON.stringify(masked)).not.toContain(`x${JSON.stringify(secret).slice(1, -1)}y`);
      }),
    );
  });
});
