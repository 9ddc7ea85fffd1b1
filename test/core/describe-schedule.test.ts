import fc from "fast-check";
import { expect, test } from "vitest";
import { describeSchedule } from "../../src/core/describe-schedule.ts";
import { parseCrontab } from "../../src/discovery/crontab/parse-crontab.ts";

async function words(pattern: string, zone = "UTC"): Promise<string> {
  const { items } = await parseCrontab(`${pattern} task ?tz=${zone}`);
  return describeSchedule(items[0]!.schedule);
}

test.each([
  ["0 4 * * *", "every day at 04:00 UTC"],
  ["30 3,15 * * *", "every day at 03:30 and 15:30 UTC"],
  ["0 */6 * * *", "every day at 00:00, 06:00, 12:00 and 18:00 UTC"],
  ["0 6 * * 1", "every Monday at 06:00 UTC"],
  ["0 6 * * 1-5", "Monday to Friday at 06:00 UTC"],
  ["0 6 * * 0,6", "every Saturday and Sunday at 06:00 UTC"],
  ["0 0 1 * *", "on the 1st of the month at 00:00 UTC"],
  [
    "0 0 1-7,15,22,23,31 * *",
    "on the 1st to 7th, 15th, 22nd, 23rd and 31st of the month at 00:00 UTC",
  ],
  ["0 0 11-13 3 *", "on the 11th to 13th of March at 00:00 UTC"],
  ["0 0 29 2 *", "on the 29th of February at 00:00 UTC"],
  ["0 0 * 6-8 *", "every day in June to August at 00:00 UTC"],
  ["0 9 13 * 5", "on the 13th of the month and every Friday at 09:00 UTC"],
  ["0 9 * 1 1", "every Monday in January at 09:00 UTC"],
  ["* * * * *", "every minute"],
  ["*/5 * * * *", "every 5 minutes"],
  ["0 * * * *", "every hour"],
  ["15 * * * *", "every hour at :15"],
  ["5,20 * * * *", "at :05 and :20 each hour"],
  ["10-19 * * * *", "every minute from :10 to :19 each hour"],
  ["0 */2 * * *", "every 2 hours UTC"],
  ["30 */2 * * *", "every 2 hours at :30 UTC"],
  ["30 9-17 * * *", "every hour from 09:30 to 17:30 UTC"],
  ["*/15 9-17 * * 1-5", "every 15 minutes from 09:00 to 17:45 UTC, Monday to Friday"],
  ["* 3 * * *", "every minute between 03:00 and 03:59 UTC"],
  ["*/10 1,5,7 * * *", "every 10 minutes in the hours 01, 05 and 07 UTC"],
  ["20 0,1,3,4,6,7,9 * * *", "at :20 in the hours 00, 01, 03, 04, 06, 07 and 09 UTC"],
  ["*/5 * * * 1", "every 5 minutes UTC, every Monday"],
])("%s is %s", async (pattern, expected) => {
  expect(await words(pattern)).toBe(expected);
});

test("the zone is named where it matters", async () => {
  expect(await words("0 4 * * *", "Europe/Paris")).toBe("every day at 04:00 Europe/Paris");
  expect(await words("*/5 * * * *", "Europe/Paris")).toBe("every 5 minutes");
});

test("every line has words, without gaps in them", async () => {
  const field = fc.constantFrom("*", "*/7", "*/2", "1", "2,5", "3-6", "1,3-5");
  await fc.assert(
    fc.asyncProperty(fc.array(field, { minLength: 5, maxLength: 5 }), async (fields) => {
      const text = await words(fields.join(" "));
      expect(text).toMatch(/^(every|on|at|[A-Z][a-z]+day) /);
      expect(text).not.toMatch(/undefined|NaN| {2}|null/);
    }),
  );
});
