/** One line of a crontab to a CronItem, or to everything that is wrong with it. */

import type { ParsedCronItem } from "graphile-worker";
import type { CronItem, CronJobOptions } from "../../core/crontab.ts";
import { isStorableJson } from "../../core/output-json.ts";
import type { LineFault } from "./line-fault.ts";
import { readLineOptions } from "./line-options.ts";
import { type LinePart, type LineParts, splitLine } from "./split-line.ts";
import { readTimeFields } from "./time-fields.ts";
import { isAccepted, type UpstreamParser } from "./upstream-parser.ts";

export type ParsedLine =
  | { readonly ok: true; readonly item: CronItem }
  | { readonly ok: false; readonly task: string | null; readonly faults: readonly LineFault[] };

export interface Line {
  readonly text: string;
  /** 1-based. */
  readonly number: number;
  readonly comment: string | null;
}

const macros: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};

export function parseLine(line: Line, parse: UpstreamParser): ParsedLine {
  const parts = splitLine(line.text);
  const unfit = foreignSyntax(line.text, parts);
  if (parts === null || unfit !== null) {
    return { ok: false, task: null, faults: [unfit ?? tooShort(line.text)] };
  }
  const { fields, faults: fieldFaults } = readTimeFields(parts.fields, parse);
  const { zone, forUpstream, faults: optionFaults } = readLineOptions(parts.options, parse);
  const taskFaults = faultsOfTask(parts.task, parse);
  const faults = [
    ...fieldFaults,
    ...taskFaults,
    ...optionFaults,
    ...faultsOfPayload(parts.payload, parse),
  ];
  const task = taskFaults.length === 0 ? parts.task.text : null;
  if (faults.length > 0) return { ok: false, task, faults };
  const pattern = parts.fields.map(({ text }) => text).join(" ");
  const whole = [pattern, parts.task.text, forUpstream, parts.payload?.text ?? ""];
  const parsed = parseWhole(whole.filter((text) => text !== "").join(" "), parse);
  if (parsed instanceof Error) {
    const fix = "Write: minute hour day month weekday task ?options {payload}";
    const reason = parsed.message.replace(/ (?:in |on )?line '?1'? of crontab/, "");
    return { ok: false, task, faults: [{ column: 1, reason, fix }] };
  }
  const item: CronItem = {
    line: line.number,
    taskColumn: parts.task.column,
    payloadColumn: (parts.payload ?? parts.task).column,
    identifier: parsed.identifier,
    task: parsed.task,
    payload: asStored(parsed.payload),
    addsCron: true,
    pattern,
    schedule: { fields, matches: (minute) => parsed.match({ ...minute }), zone },
    fillMs: parsed.options.backfillPeriod,
    options: jobOptions(parsed.options),
    comment: line.comment,
  };
  return { ok: true, item };
}

function parseWhole(line: string, parse: UpstreamParser): ParsedCronItem | Error {
  try {
    return parse(line)[0] ?? new Error("the line says nothing");
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** What other crons understand and this one doesn't, where people are likely to try it. */
function foreignSyntax(text: string, parts: LineParts | null): LineFault | null {
  const column = text.length - text.trimStart().length + 1;
  const [first = ""] = text.trim().split(/\s/, 1);
  if (first.startsWith("@")) {
    const same = macros[first.toLowerCase()];
    const fix = same === undefined ? "Write five time fields." : `Write ${same} for ${first}.`;
    return { column, reason: `${first} is not understood`, fix };
  }
  if (/^[A-Za-z_]\w*=/.test(first)) {
    const fix = "Give each line its time zone as ?tz=Europe/Paris; other settings have no place.";
    return { column, reason: "a crontab sets no variables", fix };
  }
  if (parts !== null && /^[0-9*/,-]+$/.test(parts.task.text)) {
    const reason = "there are six time fields: seconds are not supported";
    return { column, reason, fix: "Take the field for seconds away." };
  }
  return null;
}

function tooShort(text: string): LineFault {
  return {
    column: text.length - text.trimStart().length + 1,
    reason: "the line is not complete",
    fix: "Write: minute hour day month weekday task ?options {payload}",
  };
}

function faultsOfTask({ text, column }: LinePart, parse: UpstreamParser): LineFault[] {
  if (text.length <= 128 && isAccepted(parse, `* * * * * ${text}`)) return [];
  const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
  if (/^[?{]/.test(text)) {
    const fix = "Write the task's name after the five time fields.";
    return [{ column, reason: "the task's name is missing", fix }];
  }
  const fix = /^\d/.test(text)
    ? "A crontab can't name a task that begins with a digit: give it an alias."
    : "A name has letters, digits, _, -, / and :, and doesn't begin with a digit.";
  return [{ column, reason: `${shown} can't be a task's name`, fix }];
}

function faultsOfPayload(part: LinePart | null, parse: UpstreamParser): LineFault[] {
  if (part === null) return [];
  const { text, column } = part;
  if (!text.startsWith("{")) {
    const fix = text.startsWith("#")
      ? "Put the comment on a line of its own, above."
      : "After the task there may be ?options, without spaces, and then a {payload}.";
    return [{ column, reason: `${JSON.stringify(text.slice(0, 40))} is not understood`, fix }];
  }
  if (!text.endsWith("}")) {
    const fix = "Options go before the payload, and a comment on a line of its own.";
    return [{ column, reason: "the payload doesn't end with }", fix }];
  }
  try {
    const payload = parse(`* * * * * task ${text}`)[0]?.payload;
    if (isStorableJson(JSON.stringify(payload ?? {}))) return [];
    const reason = "the payload has a NUL character or half a surrogate pair";
    return [{ column, reason, fix: "Take it away: Postgres can't store it." }];
  } catch (error) {
    return [payloadFault(error, column)];
  }
}

/** The JSON5 parser counts columns from the payload's first character. */
function payloadFault(error: unknown, column: number): LineFault {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : null;
  const within = cause !== null && "columnNumber" in cause ? Number(cause.columnNumber) : 1;
  const why = cause?.message.replace(/^JSON5: /, "").replace(/ at \d+:\d+$/, "");
  return {
    column: column + Math.max(0, within - 1),
    reason: `the payload is not JSON5${why === undefined ? "" : `: ${why}`}`,
    fix: "Write one object on this line, such as {name: 'value', count: 3}.",
  };
}

/** JSON5 knows values that JSON, and so the queue, doesn't: Infinity becomes null. */
function asStored(payload: unknown): Record<string, unknown> {
  return JSON.parse(JSON.stringify(payload ?? {}));
}

function jobOptions(options: ParsedCronItem["options"]): CronJobOptions {
  const { maxAttempts, queueName, priority, jobKey, jobKeyMode } = options;
  return {
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    ...(queueName === undefined ? {} : { queue: queueName }),
    ...(priority === undefined ? {} : { priority }),
    ...(jobKey === undefined ? {} : { key: jobKey }),
    ...(jobKeyMode === undefined ? {} : { keyMode: jobKeyMode }),
  };
}
