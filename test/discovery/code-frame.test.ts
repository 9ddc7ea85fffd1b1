import { expect, test } from "vitest";
import { codeFrame } from "../../src/discovery/code-frame.ts";

test("the place is marked between two lines before and after it", () => {
  const source = ["one", "two", "three", "four", "five", "six"].join("\n");
  expect(codeFrame(source, { line: 4, column: 2 })).toBe(
    ["  2 | two", "  3 | three", "> 4 | four", "    |  ^", "  5 | five", "  6 | six"].join("\n"),
  );
});

test("line numbers are aligned, tabs kept, Windows line ends dropped", () => {
  const source = `${"\r\n".repeat(8)}nine\r\n\t\tten\r\n`;
  expect(codeFrame(source, { line: 10, column: 3 })).toBe(
    ["   8 |", "   9 | nine", "> 10 | \t\tten", "     | \t\t^", "  11 |"].join("\n"),
  );
});

test("a very long line is cut", () => {
  const frame = codeFrame("x".repeat(5000), { line: 1, column: 4000 });
  expect(Math.max(...frame.split("\n").map((line) => line.length))).toBeLessThan(200);
});
