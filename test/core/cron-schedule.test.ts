import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type CronSchedule,
  dueMinutes,
  floorToMinute,
  nextRuns,
} from "../../src/core/cron-schedule.ts";
import { parseCrontab } from "../../src/discovery/crontab/parse-crontab.ts";

async function schedule(pattern: string, zone = "Europe/Paris"): Promise<CronSchedule> {
  const { items, failures } = await parseCrontab(`${pattern} task ?tz=${zone}`);
  expect(failures).toEqual([]);
  return items[0]!.schedule;
}

/** The due minutes from the first moment on, before the second; ISO without the seconds. */
async function due(pattern: string, from: string, until: string, zone?: string): Promise<string[]> {
  const span = { afterMs: Date.parse(from) - 1, untilMs: Date.parse(until) - 1 };
  return [...dueMinutes(await schedule(pattern, zone), span)].map(iso);
}

function iso(ms: number): string {
  expect(ms % 60_000).toBe(0);
  return new Date(ms).toISOString().replace(":00.000Z", "Z");
}

// At 01:00Z Paris goes from 02:00 to 03:00: 02:00 to 02:59 never come.
const spring = ["2026-03-28T12:00Z", "2026-03-29T12:00Z"] as const;
// At 01:00Z Paris goes from 03:00 to 02:00: 02:00 to 02:59 come twice.
const autumn = ["2026-10-24T12:00Z", "2026-10-25T12:00Z"] as const;

describe("when Paris puts its clocks forward", () => {
  test("a time that is skipped counts at the first minute after the gap", async () => {
    expect(await due("30 2 * * *", ...spring)).toEqual(["2026-03-29T01:00Z"]);
    expect(await due("59 1 * * *", ...spring)).toEqual(["2026-03-29T00:59Z"]);
    expect(await due("0 3 * * *", ...spring)).toEqual(["2026-03-29T01:00Z"]);
  });

  test("several skipped times of one line count once", async () => {
    expect(await due("*/15 2 * * *", ...spring)).toEqual(["2026-03-29T01:00Z"]);
    expect(await due("30 2,3 * * *", ...spring)).toEqual([
      "2026-03-29T01:00Z",
      "2026-03-29T01:30Z",
    ]);
    expect(await due("0 2-3 * * *", ...spring)).toEqual(["2026-03-29T01:00Z"]);
  });

  test("a skipped time of another day doesn't count", async () => {
    expect(await due("30 2 30 3 *", ...spring)).toEqual([]);
    expect(await due("30 2 * * 0", ...spring)).toEqual(["2026-03-29T01:00Z"]);
    expect(await due("30 2 * * 1", ...spring)).toEqual([]);
  });

  test("a line for every hour goes on as if nothing had happened", async () => {
    expect(await due("30 * * * *", "2026-03-29T00:00Z", "2026-03-29T03:00Z")).toEqual([
      "2026-03-29T00:30Z",
      "2026-03-29T01:30Z",
      "2026-03-29T02:30Z",
    ]);
  });
});

describe("when Paris puts its clocks back", () => {
  test("a time that comes twice counts the first time only", async () => {
    expect(await due("30 2 * * *", ...autumn)).toEqual(["2026-10-25T00:30Z"]);
    expect(await due("0 2 * * *", ...autumn)).toEqual(["2026-10-25T00:00Z"]);
    expect(await due("*/20 2 * * *", ...autumn)).toEqual([
      "2026-10-25T00:00Z",
      "2026-10-25T00:20Z",
      "2026-10-25T00:40Z",
    ]);
  });

  test("the hours around it count as ever", async () => {
    expect(await due("0 1,3 * * *", ...autumn)).toEqual(["2026-10-24T23:00Z", "2026-10-25T02:00Z"]);
  });

  test("a line for every hour neither pauses nor hurries", async () => {
    expect(await due("*/10 * * * *", "2026-10-25T00:30Z", "2026-10-25T02:00Z")).toHaveLength(9);
    expect(await due("* * * * *", ...autumn)).toHaveLength(24 * 60);
  });
});

test("asking minute by minute gives the same as asking for months at once", async () => {
  for (const zone of ["Europe/Paris", "Australia/Lord_Howe", "Africa/Cairo", "America/St_Johns"]) {
    for (const pattern of ["30 2 * * *", "*/15 0-3 * * 0", "45 * * * *", "10 1 25-31 3,10 *"]) {
      const line = await schedule(pattern, zone);
      for (const month of ["03", "04", "10"]) {
        const afterMs = Date.parse(`2026-${month}-01T00:00Z`);
        const untilMs = afterMs + 31 * 86_400_000;
        const atOnce = [...dueMinutes(line, { afterMs, untilMs })];
        const oneByOne: number[] = [];
        for (let at = afterMs; at < untilMs; at += 60_000) {
          // Not minute by minute where no clock changes nearby: that would take very long.
          const step = line.zone.offsetMsAt(at - 172_800_000) === line.zone.offsetMsAt(at) ? 60 : 1;
          oneByOne.push(...dueMinutes(line, { afterMs: at, untilMs: at + step * 60_000 }));
          at += (step - 1) * 60_000;
        }
        expect(oneByOne.filter((at) => at <= untilMs)).toEqual(atOnce);
      }
    }
  }
});

test("clocks that change at midnight move the day's first job into the new day", async () => {
  // Cairo goes from 00:00 to 01:00 on the last Friday of April.
  expect(await due("0 0 * * *", "2026-04-23T12:00Z", "2026-04-24T12:00Z", "Africa/Cairo")).toEqual([
    "2026-04-23T22:00Z",
  ]);
});

test("a change of half an hour is one, too", async () => {
  // Lord Howe goes from 02:00 to 02:30 in October, and from 02:00 to 01:30 in April.
  const zone = "Australia/Lord_Howe";
  expect(await due("15 2 * * *", "2026-10-03T12:00Z", "2026-10-04T12:00Z", zone)).toEqual([
    "2026-10-03T15:30Z",
  ]);
  expect(await due("45 1 * * *", "2026-04-04T03:00Z", "2026-04-05T03:00Z", zone)).toEqual([
    "2026-04-04T14:45Z",
  ]);
});

test("the span is open at its start and closed at its end", async () => {
  const span = (from: string, until: string) => ({
    afterMs: Date.parse(from),
    untilMs: Date.parse(until),
  });
  const line = await schedule("* * * * *", "UTC");
  expect(
    [...dueMinutes(line, span("2026-01-01T00:00:00Z", "2026-01-01T00:02:00Z"))].map(iso),
  ).toEqual(["2026-01-01T00:01Z", "2026-01-01T00:02Z"]);
  expect([...dueMinutes(line, span("2026-01-01T00:00:30Z", "2026-01-01T00:00:59Z"))]).toEqual([]);
});

test("the next runs of a line for leap days are years away", async () => {
  const runs = nextRuns(await schedule("0 0 29 2 *", "UTC"), Date.parse("2096-03-01T00:00Z"), 1);
  expect(runs.map(iso)).toEqual(["2104-02-29T00:00Z"]);
});

test("both days restricted are alternatives, as in every cron", async () => {
  const runs = nextRuns(await schedule("0 9 13 * 5", "UTC"), Date.parse("2026-03-10T00:00Z"), 3);
  expect(runs.map(iso)).toEqual(["2026-03-13T09:00Z", "2026-03-20T09:00Z", "2026-03-27T09:00Z"]);
});

test("a minute begins at its first millisecond, also before 1970", () => {
  expect(floorToMinute(59_999)).toBe(0);
  expect(floorToMinute(-1)).toBe(-60_000);
});

/** Cron read in the plainest way: every minute is held against the five lists. */
function isDueByHand(lists: readonly (readonly number[])[], wall: Date): boolean {
  const [minutes, hours, dates, months, days] = lists;
  const byDate = dates?.includes(wall.getUTCDate());
  const byDay = days?.includes(wall.getUTCDay());
  const onDay = dates?.length === 31 || days?.length === 7 ? byDate && byDay : byDate || byDay;
  return Boolean(
    minutes?.includes(wall.getUTCMinutes()) &&
      hours?.includes(wall.getUTCHours()) &&
      months?.includes(wall.getUTCMonth() + 1) &&
      onDay,
  );
}

function cronField(min: number, max: number): fc.Arbitrary<{ text: string; list: number[] }> {
  const all = Array.from({ length: max - min + 1 }, (_, at) => min + at);
  const number = fc.integer({ min, max });
  const part = fc.oneof(
    { weight: 3, arbitrary: fc.constant({ text: "*", list: all }) },
    number.map((at) => ({ text: String(at), list: [at] })),
    fc.integer({ min: 1, max: max + 5 }).map((step) => ({
      text: `*/${step}`,
      list: all.filter((at) => (at - min) % step === 0),
    })),
    fc.uniqueArray(number, { minLength: 2, maxLength: 2 }).map((ends) => {
      const [from = min, to = max] = ends.sort((a, b) => a - b);
      return { text: `${from}-${to}`, list: all.filter((at) => at >= from && at <= to) };
    }),
  );
  return fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => ({
    text: parts.map(({ text }) => text).join(","),
    list: all.filter((at) => parts.some(({ list }) => list.includes(at))),
  }));
}

test("any line is due exactly when each minute, looked at by hand, says so", async () => {
  const fields = fc.tuple(
    ...[cronField(0, 59), cronField(0, 23), cronField(1, 31), cronField(1, 12), cronField(0, 6)],
  );
  // None of these changes its clocks in these years.
  const zones = fc.constantFrom(
    ...(["UTC 0", "Asia/Kathmandu 345", "Pacific/Marquesas -570", "+05:30 330"] as const),
  );
  const start = fc.date({
    min: new Date("2020-01-01"),
    max: new Date("2030-01-01"),
    noInvalidDate: true,
  });
  await fc.assert(
    fc.asyncProperty(fields, zones, start, async (given, zone, from) => {
      const [name = "", offset] = zone.split(" ");
      const pattern = given.map(({ text }) => text).join(" ");
      const { items, failures } = await parseCrontab(`${pattern} task ?tz=${name}`);
      const lists = given.map(({ list }) => list);
      const span = { afterMs: from.getTime(), untilMs: from.getTime() + 2 * 86_400_000 };
      const byHand: number[] = [];
      const first = floorToMinute(span.afterMs) + 60_000;
      for (let at = first; at <= span.untilMs; at += 60_000) {
        if (isDueByHand(lists, new Date(at + Number(offset) * 60_000))) byHand.push(at);
      }
      const found = items[0] === undefined ? [] : [...dueMinutes(items[0].schedule, span)];
      expect(found).toEqual(byHand);
      if (failures.length > 0) expect(failures[0]?.reason).toMatch(/^no month .* has a day/);
    }),
    { seed: 1, numRuns: 150 },
  );
});
