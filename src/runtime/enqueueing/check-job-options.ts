/**
 * Finds what is wrong with the options that a job is queued with, before the database is asked:
 * by their names in TypeScript, and also where JSON would make null, and so nothing, of a value.
 */

import { closestName } from "../../core/closest-name.ts";
import type { GraphileAddJobOptions } from "../../core/context.ts";
import { parseDuration } from "../../core/duration.ts";
import { type EnqueueOptions, priorityNumbers } from "../../core/job.ts";
import { jobRetryProblem } from "../../core/job-retry.ts";
import { faultOfText, toPayloadJson } from "../../core/payload-json.ts";
import { quotedText, shortText } from "../../core/short-text.ts";
import { showValue } from "../../core/show-value.ts";

type AnyOptions = EnqueueOptions & GraphileAddJobOptions;

/** Says what is expected where `value` is wrong; null where it is right. */
type Check = (value: unknown) => string | null;

const duration = 'a duration like "30s" or "5m", or a number of milliseconds';

/** The furthest away that the database's clock can add to any date. */
const longestDelayMs = 1e14;

const text = (longest: number): Check => {
  const expected = `text of 1 to ${longest} characters, without NUL or half surrogate pairs`;
  return (value) =>
    expect(
      typeof value === "string" &&
        value.length >= 1 &&
        value.length <= longest &&
        faultOfText(value) === null,
      expected,
    );
};

const oneOf = (...words: string[]): Check => {
  const quoted = words.map((word) => JSON.stringify(word));
  const expected = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return (value) => expect(typeof value === "string" && words.includes(value), expected);
};

const keyMode = oneOf("replace", "preserve_run_at", "unsafe_dedupe");

const checks: Readonly<Record<keyof AnyOptions, Check>> = {
  runAt: (value) =>
    expect(isMoment(value), 'a Date before the year 10000, or text like "2030-01-31T08:00:00Z"'),
  delay: (value) => expect(isDuration(value) && msOf(value) <= longestDelayMs, duration),
  priority: (value) =>
    expect(
      (typeof value === "string" && Object.hasOwn(priorityNumbers, value)) ||
        isInteger(value, -32_768, 32_767),
      `${Object.keys(priorityNumbers).join(", ")}, or a whole number from -32768 to 32767`,
    ),
  queue: text(128),
  queueName: text(128),
  key: text(512),
  jobKey: text(512),
  keyMode,
  jobKeyMode: keyMode,
  maxAttempts: (value) => expect(isInteger(value, 1, 32_767), "a whole number from 1 to 32767"),
  flags: (value) =>
    expect(
      Array.isArray(value) &&
        value.every((flag) => typeof flag === "string" && faultOfText(flag) === null),
      "an array of names",
    ),
  correlationId: text(10_000),
  createdBy: text(10_000),
  parentId: (value) => expect(isJobId(value), 'the id of a job, like "17"'),
  metadata: () => null,
  retry: () => null,
  timeout: (value) =>
    expect(
      value === false || (isDuration(value) && msOf(value) > 0),
      'a duration like "30s", a number of milliseconds, or false for none',
    ),
  after: (value) =>
    expect(
      Array.isArray(value) && value.every(isJobId),
      'an array of the ids of jobs, like ["17", "18"]',
    ),
  onParentFailure: oneOf("cancel", "run", "fail"),
};

/** "maxAttempts: got 0, expected …"; null when all of them are right. */
export function checkJobOptions(options: AnyOptions): string | null {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    return `the options: got ${showValue(options)}, expected an object like { delay: "5m" }`;
  }
  try {
    return problemIn(options);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `the options: they can't be read (${shortText(why, 200)})`;
  }
}

function problemIn(options: AnyOptions): string | null {
  for (const [name, value] of Object.entries(options)) {
    // As in SQL, null is the same as leaving the option out.
    if (value === undefined || value === null) continue;
    const problem = problemOf(name, value);
    if (problem !== null) return problem;
  }
  if ((options.runAt ?? null) !== null && (options.delay ?? null) !== null) {
    return "Give runAt or delay, not both";
  }
  return null;
}

function problemOf(name: string, value: unknown): string | null {
  const check = new Map<string, Check>(Object.entries(checks)).get(name);
  if (check === undefined) return unknownOption(name);
  if (name === "retry") return jobRetryProblem(value);
  if (name === "metadata") return metadataProblem(value);
  const expected = check(value);
  return expected === null ? null : `${name}: got ${showValue(value)}, expected ${expected}`;
}

function metadataProblem(value: unknown): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return `metadata: got ${showValue(value)}, expected an object`;
  }
  const json = toPayloadJson(value);
  return json.ok ? null : `metadata: it has ${json.fault}`;
}

function unknownOption(name: string): string {
  const known = Object.keys(checks);
  const meant = closestName(name, known);
  const fix = meant === null ? `expected one of ${known.join(", ")}` : `did you mean ${meant}?`;
  return `${quotedText(name)}: unknown option, ${fix}`;
}

function isMoment(value: unknown): boolean {
  if (typeof value === "string") return value.trim() !== "" && faultOfText(value) === null;
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) return false;
  const year = value.getUTCFullYear();
  return year >= 0 && year < 10_000;
}

function msOf(value: unknown): number {
  // why: only asked of what has been found to be a duration
  return parseDuration(value as string);
}

function isDuration(value: unknown): boolean {
  try {
    msOf(value);
    return true;
  } catch {
    return false;
  }
}

function isJobId(value: unknown): boolean {
  return ["string", "number", "bigint"].includes(typeof value) && /^\d{1,18}$/.test(String(value));
}

function isInteger(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}

function expect(right: boolean, expected: string): string | null {
  return right ? null : expected;
}
