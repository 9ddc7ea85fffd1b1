/** The options of a line, `?id=nightly&tz=Europe/Paris`: graphile-worker's, and `tz` of ours. */

import { unescape as decode } from "node:querystring";
import { closestName } from "../../core/closest-name.ts";
import { showValue } from "../../core/show-value.ts";
import { type TimeZone, timeZone, utc } from "../../core/time-zone.ts";
import type { LineFault } from "./line-fault.ts";
import type { LinePart } from "./split-line.ts";
import { isAccepted, type UpstreamParser } from "./upstream-parser.ts";

/** Each option and what it takes; `tz` is the only one that upstream doesn't know. */
const expected = {
  id: "letters, digits, - and _, not starting with a digit",
  fill: "a period such as 30m, 12h, 7d or 2w3d, at most a year",
  max: "a whole number from 1 to 32767",
  queue: "at most 128 letters, digits, -, _ and :",
  jobKey: "1 to 512 characters",
  jobKeyMode: "replace or preserve_run_at",
  priority: "a whole number from -32768 to 32767 (lower runs first)",
  tz: "a time zone such as Europe/Paris or UTC",
} as const;

type OptionName = keyof typeof expected;

const yearMs = 366 * 86_400_000;
const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

export interface LineOptions {
  readonly zone: TimeZone;
  /** "?id=nightly", for upstream's parser; "" when nothing is left for it. */
  readonly forUpstream: string;
  readonly faults: readonly LineFault[];
}

export function readLineOptions(parts: readonly LinePart[], parse: UpstreamParser): LineOptions {
  const seen = new Set<OptionName>();
  const faults: LineFault[] = [];
  let zone = utc;
  for (const { text, column } of parts) {
    const name = knownOption(nameOf(text));
    const value = text.includes("=") ? decode(text.slice(text.indexOf("=") + 1)) : "";
    if (name === null) {
      faults.push(unknownOption(nameOf(text), column));
    } else if (seen.has(name)) {
      faults.push({ column, reason: `${name} is given twice`, fix: "Take one of them away." });
    } else if (name === "tz") {
      zone = findZone(value) ?? zone;
      if (findZone(value) === null) faults.push(unknownZone(value, column));
    } else if (!isRight(name, { value, text, parse })) {
      const reason = `${name} can't be ${showValue(value)}`;
      faults.push({ column, reason, fix: `Give it ${expected[name]}.` });
    }
    if (name !== null) seen.add(name);
  }
  const rest = parts.map(({ text }) => text).filter((text) => nameOf(text) !== "tz");
  return { zone, forUpstream: rest.length === 0 ? "" : `?${rest.join("&")}`, faults };
}

function nameOf(option: string): string {
  return decode(option.split("=", 1)[0] ?? "");
}

function knownOption(name: string): OptionName | null {
  // why: the key has just been found among them
  return Object.hasOwn(expected, name) ? (name as OptionName) : null;
}

interface Given {
  readonly value: string;
  /** The option as it stands in the line. */
  readonly text: string;
  readonly parse: UpstreamParser;
}

/** Upstream's rule, and where that lets through what the queue would refuse, ours as well. */
function isRight(name: OptionName, { value, text, parse }: Given): boolean {
  if (!isAccepted(parse, `* * * * * task ?${text}`)) return false;
  if (name === "max") return Number(value) >= 1 && Number(value) <= 32_767;
  if (name === "priority") return Math.abs(Number(value) + 0.5) < 32_768;
  if (name === "fill") return periodMs(value) <= yearMs;
  if (name === "queue") return value.length <= 128;
  if (name === "jobKey") return value.length >= 1 && value.length <= 512 && !value.includes("\0");
  return true;
}

function periodMs(value: string): number {
  let totalMs = 0;
  for (const [, amount, unit] of value.matchAll(/(\d+)([smhdw])/g)) {
    totalMs += Number(amount) * (unitMs[unit ?? ""] ?? Number.NaN);
  }
  return totalMs;
}

function findZone(name: string): TimeZone | null {
  try {
    return timeZone(name);
  } catch {
    return null;
  }
}

function unknownOption(name: string, column: number): LineFault {
  const meant = closestName(name, Object.keys(expected));
  const known = Object.keys(expected).join(", ");
  return {
    column,
    reason: `there is no option ${showValue(name)}`,
    fix: meant === null ? `The options are ${known}.` : `Did you mean ${meant}?`,
  };
}

function unknownZone(name: string, column: number): LineFault {
  const meant = closestName(name, ["UTC", ...Intl.supportedValuesOf("timeZone")]);
  return {
    column,
    reason: `there is no time zone ${showValue(name)}`,
    fix: meant === null ? `Give tz ${expected.tz}.` : `Did you mean ${meant}?`,
  };
}
