import { expect, test } from "vitest";
import { readLineOptions } from "../../../src/discovery/crontab/line-options.ts";
import { splitLine } from "../../../src/discovery/crontab/split-line.ts";
import { loadUpstreamParser } from "../../../src/discovery/crontab/upstream-parser.ts";

const parse = await loadUpstreamParser();
const read = (options: string) =>
  readLineOptions(splitLine(`* * * * * t ?${options}`)?.options ?? [], parse);
const fixes = (options: string) => read(options).faults.map(({ fix }) => fix);

test("tz is ours, every other option is left for upstream", () => {
  const { zone, forUpstream, faults } = read("id=a&tz=Europe/Paris&fill=1w2d&max=3");
  expect(faults).toEqual([]);
  expect(zone.name).toBe("Europe/Paris");
  expect(forUpstream).toBe("?id=a&fill=1w2d&max=3");
  expect(read("tz=UTC").forUpstream).toBe("");
});

test("without tz a line goes by UTC", () => {
  expect(read("id=a").zone.name).toBe("UTC");
});

test("a zone may be written as it is or encoded", () => {
  expect(read("tz=Etc/GMT+5").zone.offsetMsAt(0)).toBe(-5 * 3_600_000);
  expect(read("tz=Etc%2FGMT%2B5").zone.offsetMsAt(0)).toBe(-5 * 3_600_000);
});

test("an unknown zone and an unknown option are answered with the nearest one", () => {
  expect(read("id=a&tz=Europe/Pari").faults).toEqual([
    {
      column: 19,
      reason: 'there is no time zone "Europe/Pari"',
      fix: "Did you mean Europe/Paris?",
    },
  ]);
  expect(fixes("prioritty=1")).toEqual(["Did you mean priority?"]);
  expect(fixes("jobkey=a")).toEqual(["Did you mean jobKey?"]);
  expect(fixes("xyzzy")).toEqual([
    "The options are id, fill, max, queue, jobKey, jobKeyMode, priority, tz.",
  ]);
  expect(fixes("tz=")).toHaveLength(1);
  expect(fixes("toString=1&__proto__=2")).toHaveLength(2);
});

test("an option that is given twice is a fault", () => {
  expect(read("max=1&id=a&max=2").faults).toMatchObject([
    { column: 25, reason: "max is given twice" },
  ]);
  expect(fixes("tz=UTC&tz=UTC")).toHaveLength(1);
});

test.each([
  "max=0",
  "max=32768",
  "max=-1",
  "max=two",
  "fill=1",
  "fill=53w",
  "fill=99999999999999999999w",
  "priority=32768",
  "priority=-32769",
  "priority=high",
  "queue=a%20b",
  `queue=${"q".repeat(129)}`,
  "jobKey=",
  "jobKey=%00",
  `jobKey=${"k".repeat(513)}`,
  "jobKeyMode=unsafe_dedupe",
  "id=1a",
  "id",
])("%s is refused", (option) => {
  expect(read(option).faults).toHaveLength(1);
});

test.each([
  "max=1",
  "max=32767",
  "fill=52w",
  "priority=-32768",
  "priority=32767",
  `queue=${"q".repeat(128)}`,
  "jobKey=%C3%A9%20%26",
  "jobKeyMode=preserve_run_at",
])("%s is taken", (option) => {
  expect(read(option).faults).toEqual([]);
});
