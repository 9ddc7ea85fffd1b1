import { expect, test } from "vitest";
import { parseLine } from "../../../src/discovery/crontab/parse-line.ts";
import { loadUpstreamParser } from "../../../src/discovery/crontab/upstream-parser.ts";

const upstream = await loadUpstreamParser();
const parse = (text: string) => parseLine({ text, number: 7, comment: "why" }, upstream);

function item(text: string) {
  const parsed = parse(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.item;
}

function faults(text: string): string[] {
  const parsed = parse(text);
  return parsed.ok ? [] : parsed.faults.map(({ column, reason }) => `${column}: ${reason}`);
}

function fix(text: string): string {
  const parsed = parse(text);
  return parsed.ok ? "" : (parsed.faults[0]?.fix ?? "");
}

test("a line says everything about its jobs", () => {
  const options = "?id=eu&fill=2h&max=5&queue=mail&jobKey=k&priority=-3&tz=Europe/Paris";
  expect(item(`0  4 * * 1 send_email ${options} {to: 'a@b.c', list: [1,],}`)).toMatchObject({
    line: 7,
    taskColumn: 12,
    identifier: "eu",
    task: "send_email",
    payload: { to: "a@b.c", list: [1] },
    addsCron: true,
    pattern: "0 4 * * 1",
    fillMs: 7_200_000,
    options: { maxAttempts: 5, queue: "mail", priority: -3, key: "k", keyMode: "replace" },
    comment: "why",
  });
});

test("what a line leaves out is left to the task's file", () => {
  const bare = item("* * * * * billing/charge");
  expect(bare).toMatchObject({ identifier: "billing/charge", payload: {}, fillMs: 0, options: {} });
  expect(bare.options).toEqual({});
  expect(bare.schedule.zone.name).toBe("UTC");
});

test("the payload is what the queue will store", () => {
  expect(item("* * * * * t {a: Infinity, b: NaN, c: +1, d: 0x10}").payload).toEqual({
    a: null,
    b: null,
    c: 1,
    d: 16,
  });
});

test("every fault of a line has its own column", () => {
  expect(faults("60 25 * * * 9lives ?max=0 {a: b}")).toEqual([
    '1: the minute can\'t be "60"',
    '4: the hour can\'t be "25"',
    "13: \"9lives\" can't be a task's name",
    '21: max can\'t be "0"',
    "31: the payload is not JSON5: invalid character 'b'",
  ]);
});

test("the habits of other crons are answered with what to write here", () => {
  expect(fix("@daily task")).toBe("Write 0 0 * * * for @daily.");
  expect(fix("CRON_TZ=Europe/Paris")).toContain("?tz=Europe/Paris");
  expect(faults("0 */5 * * * * task")).toEqual([
    "1: there are six time fields: seconds are not supported",
  ]);
  expect(fix("0 4 * * * 2fa")).toContain("alias");
  expect(fix("0 4 * * * task # at four")).toContain("line of its own");
  expect(fix("0 4 * * * task {a: 1} # at four")).toContain("line of its own");
  expect(fix("0 4 * * * task {a: 1} ?id=b")).toContain("before the payload");
  expect(fix("0 4 * * * ?id=b")).toContain("task's name");
  expect(fix("0 4 * * * task [1]")).toContain("{payload}");
  expect(fix("0 4 * *")).toContain("minute hour day month weekday task");
});

test("a payload that Postgres can't store is refused", () => {
  expect(faults(String.raw`* * * * * t {a: '\u0000'}`)).toHaveLength(1);
  expect(faults(String.raw`* * * * * t {a: '\ud800'}`)).toHaveLength(1);
  expect(faults(String.raw`* * * * * t {a: '\\u0000 \ud83d\ude00'}`)).toEqual([]);
});
