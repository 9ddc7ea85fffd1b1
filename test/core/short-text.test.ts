import fc from "fast-check";
import { expect, test } from "vitest";
import { listFaults, quotedText, shortText } from "../../src/core/short-text.ts";

test("a short text is left as it is, of a long one the beginning is shown", () => {
  expect(shortText("abc", 3)).toBe("abc");
  expect(shortText("abcd", 3)).toBe("abc…");
  expect(quotedText('a"b')).toBe('"a\\"b"');
  expect(quotedText("x".repeat(100_000), 4)).toBe('"xxxx…" (100000 characters)');
});

test("no pair of surrogates is cut in two", () => {
  expect(shortText("a😀b", 2)).toBe("a…");
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.integer({ min: 1, max: 9 }),
      (text, longest) => {
        const short = shortText(text, longest);
        expect(short.isWellFormed()).toBe(true);
        expect(short.length).toBeLessThanOrEqual(longest + 1);
        expect(text.startsWith(short.replace(/…$/, ""))).toBe(true);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test("of many faults the first are told, and how many there are more", () => {
  expect(listFaults(["a", "b"])).toBe("a; b");
  expect(listFaults([])).toBe("");
  expect(listFaults(Array(25).fill("bad"))).toMatch(/^(bad; ){20}and 5 more$/);
});

test("however long the faults are, the list is one that can be read", () => {
  const list = listFaults(Array(1_000).fill("x".repeat(100_000)));
  expect(list.length).toBeLessThan(2_100);
  expect(list).toMatch(/; and 997 more$/);
});
