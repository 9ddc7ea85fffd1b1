import { expect, test } from "vitest";
import { splitLine } from "../../../src/discovery/crontab/split-line.ts";
import { readTimeFields } from "../../../src/discovery/crontab/time-fields.ts";
import { loadUpstreamParser } from "../../../src/discovery/crontab/upstream-parser.ts";

const parse = await loadUpstreamParser();
const read = (fields: string) => readTimeFields(splitLine(`${fields} task`)?.fields ?? [], parse);
const faults = (fields: string) =>
  read(fields).faults.map(({ column, reason, fix }) => `${column}: ${reason}. ${fix}`);

test("each field says what it lets through", () => {
  expect(read("*/20 0,12 1-3 */6 1-5,7")).toEqual({
    fields: {
      minutes: [0, 20, 40],
      hours: [0, 12],
      dates: [1, 2, 3],
      months: [1, 7],
      daysOfWeek: [0, 1, 2, 3, 4, 5],
    },
    faults: [],
  });
});

test("each wrong part has its column", () => {
  expect(read("0,60 24 0 13 8").faults.map(({ column }) => column)).toEqual([3, 6, 9, 11, 14]);
  expect(read("1,,2 * * * *").faults).toMatchObject([{ column: 3 }]);
});

test("what other crons understand is answered with what to write instead", () => {
  expect(faults("1-30/10 * * * *")).toEqual([
    '1: the minute can\'t be "1-30/10". Only * takes a step; write 1,11,21.',
  ]);
  expect(faults("0 0 * JAN mon")).toEqual([
    '7: the month can\'t be "JAN". Write 1 for JAN.',
    '11: the day of week can\'t be "mon". Write 1 for mon.',
  ]);
  expect(faults("* 17-9 * * *")[0]).toContain("two ranges");
  expect(faults("0 4 * * send_email")[0]).toContain("five time fields");
  expect(faults("*/0 * * * *")[0]).toContain("0 to 59");
});

test("a date that never comes is a fault, unless a day of the week is an alternative", () => {
  expect(faults("0 0 30 2 *")).toEqual([
    '5: no month "2" has a day "30". Correct the day of month or the month: the line would never run.',
  ]);
  expect(faults("0 0 31 4,6 *")).toHaveLength(1);
  expect(faults("0 0 31 4,5 *")).toEqual([]);
  expect(faults("0 0 29 2 *")).toEqual([]);
  expect(faults("0 0 30 2 1")).toEqual([]);
});
