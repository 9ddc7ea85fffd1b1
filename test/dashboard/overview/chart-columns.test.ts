import { expect, test } from "vitest";
import {
  chartColumns,
  columnPeak,
  columnTotal,
} from "../../../src/dashboard/overview/chart-columns.ts";

const bucket = {
  completed: 2,
  failed: 1,
  cancelled: 0,
  wait_p50_ms: 5,
  wait_p95_ms: 9,
  run_p50_ms: null,
  run_p95_ms: null,
};
const series = [
  { ...bucket, at: "2030-01-31T08:00:00Z" },
  { ...bucket, at: "2030-01-31T08:01:00Z", completed: 3, wait_p95_ms: null },
];

test("a chart gets the times in seconds, then a column for each line", () => {
  expect(chartColumns(series, ["completed", "run_p50_ms"])).toEqual([
    [1_896_076_800, 1_896_076_860],
    [2, 3],
    [null, null],
  ]);
});

test("a column is summed up, and has a peak if it has a number", () => {
  expect(columnTotal(series, "completed")).toBe(5);
  expect(columnPeak(series, "wait_p95_ms")).toBe(9);
  expect(columnPeak(series, "run_p95_ms")).toBeNull();
  expect(columnPeak([], "run_p95_ms")).toBeNull();
});
