import { expect, test } from "vitest";
import { controlsAsText, printable, printableColoured } from "../../src/core/printable.ts";

const clear = "\u001b[2J";
const title = "\u001b]0;owned\u0007";

test("what would steer a terminal is written out; line ends and tabs stay", () => {
  expect(printable(`a${clear}b${title}\n\tc\r`)).toBe("a\\x1b[2Jb\\x1b]0;owned\\x07\n\tc\\x0d");
  expect(printable("\u009b2J \u202egnp.exe")).toBe("\\x9b2J \\u202egnp.exe");
  expect(printable("grüße 日本 🎉")).toBe("grüße 日本 🎉");
});

test("colours stay where they are ours", () => {
  const red = "\u001b[31mbad\u001b[39m";
  expect(printableColoured(`${red} ${clear}`)).toBe(`${red} \\x1b[2J`);
  expect(printableColoured("plain")).toBe("plain");
});

test("a line of JSON has them written out in its strings", () => {
  const value = { msg: `a${clear}\\u001b "q"\n\t\b\u007f\u202e`, "k\u0007": 1 };
  const read = JSON.parse(controlsAsText(JSON.stringify(value)));
  expect(read).toEqual({ msg: 'a\\x1b[2J\\u001b "q"\n\t\\x08\\x7f\\u202e', "k\\x07": 1 });
});
