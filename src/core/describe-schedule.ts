/** A crontab line's time in plain words: "every Monday at 06:00 Europe/Paris". */

import type { CronFields, CronSchedule } from "./cron-schedule.ts";

/** More times than that are told as a rhythm. */
const mostTimes = 6;

const dayNames = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const monthNames = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

export function describeSchedule({ fields, zone }: CronSchedule): string {
  const { minutes, hours } = fields;
  const days = describeDays(fields);
  if (hours.length < 24 && hours.length * minutes.length <= mostTimes) {
    const times = hours.flatMap((hour) => minutes.map((minute) => clock(hour, minute)));
    return `${days ?? "every day"} at ${listed(times)} ${zone.name}`;
  }
  const rhythm = describeRhythm(minutes, hours);
  // What happens in every hour of every day is the same on every clock.
  const where = hours.length === 24 && days === null ? "" : ` ${zone.name}`;
  return `${rhythm}${where}${days === null ? "" : `, ${days}`}`;
}

function describeRhythm(minutes: readonly number[], hours: readonly number[]): string {
  const [minute = 0] = minutes;
  if (minutes.length > 1) return `${minuteRhythm(minutes)}${describeHours(minutes, hours)}`;
  const at = minute === 0 ? "" : ` at :${pad(minute)}`;
  if (hours.length === 24) return `every hour${at}`;
  const step = evenStep(hours, 24);
  if (step !== null) return `every ${step} hours${at}`;
  return isRange(hours)
    ? `every hour${describeHours(minutes, hours)}`
    : `at :${pad(minute)}${describeHours(minutes, hours)}`;
}

function minuteRhythm(minutes: readonly number[]): string {
  if (minutes.length === 60) return "every minute";
  const step = evenStep(minutes, 60);
  if (step !== null) return `every ${step} minutes`;
  if (minutes.length > mostTimes && isRange(minutes)) {
    return `every minute from :${pad(minutes[0])} to :${pad(minutes.at(-1))}`;
  }
  return `at ${listed(minutes.map((minute) => `:${pad(minute)}`))}`;
}

/** "" for every hour. */
function describeHours(minutes: readonly number[], hours: readonly number[]): string {
  const [first] = hours;
  if (hours.length === 24)
    return minutes.length === 60 || evenStep(minutes, 60) ? "" : " each hour";
  if (hours.length === 1) return ` between ${pad(first)}:00 and ${pad(first)}:59`;
  if (isRange(hours)) {
    return ` from ${clock(first, minutes[0])} to ${clock(hours.at(-1), minutes.at(-1))}`;
  }
  return ` in the hours ${listed(hours.map(pad))}`;
}

/** Null for every day. */
function describeDays({ dates, months, daysOfWeek }: CronFields): string | null {
  const allMonths = months.length === 12;
  const months12 = listed(grouped(months, (month) => monthNames[month - 1] ?? ""));
  const inMonths = allMonths ? "" : ` in ${months12}`;
  const hasDates = dates.length < 31;
  const hasDays = daysOfWeek.length < 7;
  if (!hasDates && !hasDays) return allMonths ? null : `every day${inMonths}`;
  const onDates = `on the ${listed(grouped(dates, ordinal))} of ${allMonths ? "the month" : months12}`;
  // A week ends on Sunday here, so that Saturday and Sunday are neighbours.
  const week = daysOfWeek.map((day) => (day === 0 ? 7 : day)).sort((a, b) => a - b);
  const names = listed(grouped(week, (day) => dayNames[day % 7] ?? ""));
  const onDays = `${names.includes(" to ") ? "" : "every "}${names}${inMonths}`;
  if (hasDates && hasDays) return `${onDates} and ${onDays}`;
  return hasDates ? onDates : onDays;
}

/** Three neighbours or more are told as a range. */
function grouped(values: readonly number[], name: (value: number) => string): string[] {
  const groups: number[][] = [];
  for (const value of values) {
    const last = groups.at(-1);
    if (last?.at(-1) === value - 1) last.push(value);
    else groups.push([value]);
  }
  return groups.flatMap((group) => {
    const [first = 0] = group;
    const last = group.at(-1) ?? first;
    return group.length < 3 ? group.map(name) : [`${name(first)} to ${name(last)}`];
  });
}

/** The n of "every n", when the values are 0, n, 2n … and come around evenly; else null. */
function evenStep(values: readonly number[], size: number): number | null {
  const step = size / values.length;
  return step > 1 && values.every((value, index) => value === index * step) ? step : null;
}

function isRange(values: readonly number[]): boolean {
  return values.every((value, index) => value === (values[0] ?? 0) + index);
}

function clock(hour = 0, minute = 0): string {
  return `${pad(hour)}:${pad(minute)}`;
}

function pad(number = 0): string {
  return String(number).padStart(2, "0");
}

function ordinal(number: number): string {
  const ending = number % 100 > 10 && number % 100 < 14 ? "th" : endings[number % 10];
  return `${number}${ending ?? "th"}`;
}

const endings = ["th", "st", "nd", "rd"];

function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
