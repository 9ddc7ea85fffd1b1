/**
 * When a crontab line is due: every minute of a time span, in the line's time zone.
 *
 * A line that names hours goes by the wall clock: a time that a zone skips when its clocks are
 * put forward counts at the first minute after the gap, and a time that comes twice counts the
 * first time only. A line for every hour goes by elapsed time, so that "every ten minutes"
 * neither pauses nor hurries: it does nothing about either change.
 */

import type { TimeZone } from "./time-zone.ts";

/** One minute of a wall clock, in the words of graphile-worker's matcher. */
export interface WallMinute {
  readonly min: number;
  readonly hour: number;
  readonly date: number;
  /** 1 is January. */
  readonly month: number;
  /** 0 is Sunday. */
  readonly dow: number;
}

/** What each of a line's five fields lets through, in ascending order. */
export interface CronFields {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly dates: readonly number[];
  readonly months: readonly number[];
  /** 0 is Sunday. */
  readonly daysOfWeek: readonly number[];
}

export interface CronSchedule {
  readonly fields: CronFields;
  /** Decides; `fields` only says where to look. */
  readonly matches: (minute: WallMinute) => boolean;
  readonly zone: TimeZone;
}

export const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Eight years may pass between two leap days. */
const furthestMs = 9 * 366 * dayMs;

/** The due minutes after `afterMs` up to `untilMs`, in order, as milliseconds since 1970. */
export function* dueMinutes(
  schedule: CronSchedule,
  { afterMs, untilMs }: { readonly afterMs: number; readonly untilMs: number },
): Generator<number> {
  let startMs = floorToMinute(afterMs) + minuteMs;
  while (startMs <= untilMs) {
    const endMs = Math.min(startMs + dayMs - minuteMs, untilMs);
    yield* dueWithinADay(schedule, startMs, endMs);
    startMs = endMs + minuteMs;
  }
}

/** The next `count` due minutes; fewer when there are no more within nine years. */
export function nextRuns(schedule: CronSchedule, afterMs: number, count: number): number[] {
  const found: number[] = [];
  for (const atMs of dueMinutes(schedule, { afterMs, untilMs: afterMs + furthestMs })) {
    if (found.length >= count) break;
    found.push(atMs);
  }
  return found;
}

export function floorToMinute(ms: number): number {
  return Math.floor(ms / minuteMs) * minuteMs;
}

function* dueWithinADay(schedule: CronSchedule, startMs: number, endMs: number) {
  if (!hasDueDay(schedule, startMs, endMs)) return;
  if (hasOneOffset(schedule.zone, startMs, endMs)) {
    yield* dueAtOneOffset(schedule, startMs, endMs);
    return;
  }
  for (let atMs = startMs; atMs <= endMs; atMs += minuteMs) {
    if (isDue(schedule, atMs)) yield atMs;
  }
}

/** Whether any day of these minutes is one of the line's, wherever on earth its zone is. */
function hasDueDay(schedule: CronSchedule, startMs: number, endMs: number): boolean {
  for (let at = floorToDay(startMs) - dayMs; at <= endMs + dayMs; at += dayMs) {
    if (hasDueMinute(schedule, at)) return true;
  }
  return false;
}

function floorToDay(ms: number): number {
  return Math.floor(ms / dayMs) * dayMs;
}

/** No change of the clocks in these minutes, nor so close before that it still matters. */
function hasOneOffset(zone: TimeZone, startMs: number, endMs: number): boolean {
  const offsetMs = zone.offsetMsAt(endMs);
  return [startMs - dayMs, startMs - minuteMs].every((at) => zone.offsetMsAt(at) === offsetMs);
}

/** Looks only at what the fields let through: years pass quickly so. */
function* dueAtOneOffset(schedule: CronSchedule, startMs: number, endMs: number) {
  const { fields, matches, zone } = schedule;
  const offsetMs = zone.offsetMsAt(startMs);
  let wallDayMs = floorToDay(startMs + offsetMs);
  for (; wallDayMs <= endMs + offsetMs; wallDayMs += dayMs) {
    if (!hasDueMinute(schedule, wallDayMs)) continue;
    for (const hour of fields.hours) {
      for (const minute of fields.minutes) {
        const wallMs = wallDayMs + hour * hourMs + minute * minuteMs;
        const atMs = wallMs - offsetMs;
        if (atMs >= startMs && atMs <= endMs && matches(wallMinute(wallMs))) yield atMs;
      }
    }
  }
}

function hasDueMinute({ fields, matches }: CronSchedule, wallDayMs: number): boolean {
  const [hour = 0] = fields.hours;
  const [min = 0] = fields.minutes;
  return matches({ ...wallMinute(wallDayMs), hour, min });
}

function isDue({ fields, matches, zone }: CronSchedule, atMs: number): boolean {
  const wallMs = atMs + zone.offsetMsAt(atMs);
  if (fields.hours.length === 24) return matches(wallMinute(wallMs));
  if (isRepeated(zone, atMs)) return false;
  // The wall clock's minute had the clocks not been changed; everything from there was skipped.
  const expectedMs = atMs + zone.offsetMsAt(atMs - minuteMs);
  for (let at = Math.min(expectedMs, wallMs); at <= wallMs; at += minuteMs) {
    if (matches(wallMinute(at))) return true;
  }
  return false;
}

/** Whether the zone's clocks have shown this minute before, until they were put back. */
function isRepeated(zone: TimeZone, atMs: number): boolean {
  const offsetMs = zone.offsetMsAt(atMs);
  const offsetBeforeMs = zone.offsetMsAt(atMs - dayMs);
  if (offsetBeforeMs <= offsetMs) return false;
  return zone.offsetMsAt(atMs + offsetMs - offsetBeforeMs) === offsetBeforeMs;
}

function wallMinute(wallMs: number): WallMinute {
  const date = new Date(wallMs);
  return {
    min: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    date: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    dow: date.getUTCDay(),
  };
}
