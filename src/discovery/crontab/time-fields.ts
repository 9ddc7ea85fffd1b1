/** The five time fields of a line: what each lets through, or which part of it is wrong. */

import type { CronFields, WallMinute } from "../../core/cron-schedule.ts";
import type { LineFault } from "./line-fault.ts";
import type { LinePart } from "./split-line.ts";
import { isAccepted, type UpstreamParser } from "./upstream-parser.ts";

interface FieldSpec {
  readonly name: string;
  readonly key: keyof CronFields;
  readonly digest: keyof WallMinute;
  readonly min: number;
  readonly max: number;
  readonly names?: string;
}

const fieldSpecs: readonly FieldSpec[] = [
  { name: "minute", key: "minutes", digest: "min", min: 0, max: 59 },
  { name: "hour", key: "hours", digest: "hour", min: 0, max: 23 },
  { name: "day of month", key: "dates", digest: "date", min: 1, max: 31 },
  {
    name: "month",
    key: "months",
    digest: "month",
    min: 1,
    max: 12,
    names: ".jan.feb.mar.apr.may.jun.jul.aug.sep.oct.nov.dec",
  },
  {
    name: "day of week",
    key: "daysOfWeek",
    digest: "dow",
    min: 0,
    max: 6,
    names: "sun.mon.tue.wed.thu.fri.sat",
  },
];

/** What each field lets through; empty lists for the fields that have a fault. */
export function readTimeFields(
  parts: readonly LinePart[],
  parse: UpstreamParser,
): { readonly fields: CronFields; readonly faults: readonly LineFault[] } {
  const fields = { minutes: [], hours: [], dates: [], months: [], daysOfWeek: [] };
  const read: Record<keyof CronFields, readonly number[]> = { ...fields };
  const faults: LineFault[] = [];
  for (const [index, spec] of fieldSpecs.entries()) {
    const part = parts[index];
    if (part === undefined) continue;
    const found = faultsOf(part, { spec, index, parse });
    faults.push(...found);
    if (found.length === 0) read[spec.key] = valuesOf(part.text, { spec, index, parse });
  }
  if (faults.length === 0 && neverComes(read)) faults.push(neverFault(parts));
  return { fields: read, faults };
}

interface Field {
  readonly spec: FieldSpec;
  readonly index: number;
  readonly parse: UpstreamParser;
}

/** A line with this field, and every other one open. */
function lineWith(text: string, index: number): string {
  return `${["*", "*", "*", "*", "*"].with(index, text).join(" ")} task`;
}

/** Asks upstream's matcher rather than reading the field a second time. */
function valuesOf(text: string, { spec, index, parse }: Field): number[] {
  const [item] = parse(lineWith(text, index));
  const open = { min: 0, hour: 0, date: 1, month: 1, dow: 0 };
  const all = Array.from({ length: spec.max - spec.min + 1 }, (_, at) => spec.min + at);
  return all.filter((value) => item?.match({ ...open, [spec.digest]: value }));
}

function faultsOf({ text, column }: LinePart, field: Field): LineFault[] {
  let partColumn = column;
  return text.split(",").flatMap((part) => {
    const here = partColumn;
    partColumn += part.length + 1;
    if (!part.includes(" ") && isAccepted(field.parse, lineWith(part, field.index))) return [];
    const shown = part === "" ? "has an empty place in its list" : `can't be ${quoted(part)}`;
    const reason = `the ${field.spec.name} ${shown}`;
    return [{ column: here, reason, fix: fixOf(part, field.spec) }];
  });
}

function fixOf(part: string, { min, max, name, names }: FieldSpec): string {
  const known = names?.split(".").indexOf(part.slice(0, 3).toLowerCase()) ?? -1;
  if (known >= 0 && /^[a-z]+$/i.test(part)) return `Write ${known} for ${part}.`;
  if (/[a-z]/i.test(part)) {
    return "Write five time fields before the task: minute, hour, day of month, month, day of week.";
  }
  const [, from, to, step] = /^(\d+)-(\d+)(?:\/(\d+))?$/.exec(part) ?? [];
  if (step !== undefined) {
    const list = listed(Number(from), Math.min(Number(to), max), Number(step));
    return `Only * takes a step; write ${list ?? `*/${step}, or the numbers with commas`}.`;
  }
  if (from !== undefined && Number(from) >= Number(to)) {
    return `A range goes from a smaller to a larger ${name}; write two ranges with a comma.`;
  }
  const highest = name === "day of week" ? "6, 0 is Sunday" : String(max);
  return `Write *, */n, a number, a range a-b, or several of them with commas: ${min} to ${highest}.`;
}

function listed(from: number, to: number, step: number): string | null {
  if (step < 1 || to - from > 60 * step) return null;
  const numbers: number[] = [];
  for (let at = from; at <= to; at += step) numbers.push(at);
  return numbers.length === 0 ? null : numbers.join(",");
}

const longestMonths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Such as 30 February. A day of the week beside it would be an alternative. */
function neverComes({ dates, months, daysOfWeek }: CronFields): boolean {
  if (daysOfWeek.length < 7) return false;
  return !months.some((month) => dates.some((date) => date <= (longestMonths[month - 1] ?? 31)));
}

function neverFault(parts: readonly LinePart[]): LineFault {
  return {
    column: parts[2]?.column ?? 1,
    reason: `no month ${quoted(parts[3]?.text ?? "")} has a day ${quoted(parts[2]?.text ?? "")}`,
    fix: "Correct the day of month or the month: the line would never run.",
  };
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
