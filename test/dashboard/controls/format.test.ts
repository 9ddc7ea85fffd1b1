import { expect, test } from "vitest";
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatJobs,
  formatMoment,
  formatMs,
  formatShortCount,
  momentMs,
} from "../../../src/dashboard/controls/format.ts";

test.each([
  [0, "0 ms"],
  [340.4, "340 ms"],
  [4_200, "4.2 s"],
  [9_000, "9 s"],
  [59_999, "59 s"],
  [200_000, "3 m 20 s"],
  [3_600_000, "1 h"],
  [7_500_000, "2 h 5 m"],
  [273_600_000, "3 d 4 h"],
  [-5, "0 ms"],
  [null, "–"],
  [undefined, "–"],
  [Number.NaN, "–"],
])("%s milliseconds are %s", (ms, text) => expect(formatMs(ms)).toBe(text));

const now = Date.parse("2030-01-31T08:00:00Z");

test.each([
  ["2030-01-31T07:59:59.000Z", "just now"],
  ["2030-01-31T07:59:48.000Z", "12 s ago"],
  ["2030-01-31T07:54:10.000Z", "5 m ago"],
  ["2030-01-31T10:30:00.000Z", "in 2 h"],
  ["2030-01-29T08:00:00.000Z", "2 d ago"],
  ["soon", "–"],
  [null, "–"],
])("%s is %s", (moment, text) => expect(formatAgo(moment, now)).toBe(text));

test("counts are written in groups, and short where there is little room", () => {
  expect([formatCount(1_204_000), formatCount(null)]).toEqual(["1,204,000", "–"]);
  expect([9_999, 12_000, 12_340, 3_400_000].map(formatShortCount)).toEqual([
    "9,999",
    "12 k",
    "12.3 k",
    "3.4 M",
  ]);
  expect([formatJobs(1), formatJobs(1_204)]).toEqual(["1 job", "1,204 jobs"]);
});

test("memory is told in MB, then GB", () => {
  expect([formatBytes(52_428_800), formatBytes(1_610_612_736), formatBytes(null)]).toEqual([
    "50 MB",
    "1.5 GB",
    "–",
  ]);
});

test("what is no moment has none", () => {
  expect([momentMs("x"), momentMs(undefined), formatMoment("")]).toEqual([null, null, "–"]);
  expect(formatMoment("2030-01-31T08:00:00Z")).toContain("2030");
});
