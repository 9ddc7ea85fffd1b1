import { expect, test } from "vitest";
import { splitLine } from "../../../src/discovery/crontab/split-line.ts";

test("a line is cut into its parts, each with its column", () => {
  expect(splitLine("  0 4  * * 1-5\ttask ?id=a&&tz=UTC  {a: 'b c'}  ")).toEqual({
    fields: [
      { text: "0", column: 3 },
      { text: "4", column: 5 },
      { text: "*", column: 8 },
      { text: "*", column: 10 },
      { text: "1-5", column: 12 },
    ],
    task: { text: "task", column: 16 },
    options: [
      { text: "id=a", column: 22 },
      { text: "tz=UTC", column: 28 },
    ],
    payload: { text: "{a: 'b c'}", column: 36 },
  });
});

test("options and payload may be missing", () => {
  expect(splitLine("* * * * * task")).toMatchObject({ options: [], payload: null });
  expect(splitLine("* * * * * task ?")).toMatchObject({ options: [], payload: null });
});

test("a line with fewer than five fields and a task has no parts", () => {
  expect(splitLine("* * * * task")).toBeNull();
  expect(splitLine("")).toBeNull();
});
