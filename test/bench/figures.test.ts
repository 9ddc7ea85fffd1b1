import { expect, test } from "vitest";
import { isReached, readFigure, shareOfGoal, valueText } from "../../bench/support/figures.ts";
import { figuresPlot } from "../../bench/support/figures-plot.ts";
import { readTables } from "../../bench/support/markdown-tables.ts";
import { markdownTable } from "../../bench/support/statistics.ts";

const printed = `round 1  something | else
${markdownTable(
  ["side", "jobs/s", "× base"],
  [
    ["base", "100", "1.00"],
    ["ours", "150", "1.50"],
  ],
)}

and more
${markdownTable(["idle", "ms"], [["ours", "20.5"]])}

| not | a table |
`;
const tables = readTables(printed);

test("tables are read back as they were printed", () => {
  expect(tables).toEqual([
    {
      head: ["side", "jobs/s", "× base"],
      rows: [
        ["base", "100", "1.00"],
        ["ours", "150", "1.50"],
      ],
    },
    { head: ["idle", "ms"], rows: [["ours", "20.5"]] },
  ]);
});

test("a figure is a cell, or its ratio to another row's, held against its goal", () => {
  const cell = { label: "a", row: "ours", column: /^× base/, goal: { atLeast: 2 } };
  expect(readFigure(tables, cell).value).toBe(1.5);
  expect(isReached(readFigure(tables, cell))).toBe(false);
  const ratio = readFigure(tables, { ...cell, column: /^jobs/, against: "base" });
  expect(ratio.value).toBe(1.5);
  const low = readFigure(tables, { ...cell, column: /^ms/, goal: { atMost: 41 }, unit: "ms" });
  expect(shareOfGoal(low)).toBe(2);
  expect(valueText(low)).toBe("20.5 ms");
});

test("a figure that a bench didn't come to is not reached", () => {
  const none = readFigure(tables, { label: "a", row: "no", column: /ms/, goal: { atMost: 1 } });
  expect(none.value).toBeNull();
  expect(isReached(none)).toBe(false);
  expect(figuresPlot([none])).toContain("– (≤ 1×)");
});

test("the plot has a bar for each, no longer than there is room", () => {
  const figure = { label: "a < b", value: 90, goal: { atLeast: 1 }, unit: "×" };
  const svg = figuresPlot([figure, { ...figure, value: 0.5 }]);
  expect(svg.match(/<rect /g)).toHaveLength(3);
  expect(svg).toContain("a &lt; b");
  const widths = [...svg.matchAll(/width="([\d.]+)" height="16"/g)].map(([, width]) =>
    Number(width),
  );
  expect(Math.max(...widths)).toBeLessThan(600);
});
