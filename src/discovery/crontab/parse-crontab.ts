/**
 * A crontab's text to what it says. Every line stands alone: a bad one is reported with its
 * place and stops no other. What the lines mean to the tasks is `check-crontab`'s concern.
 */

import type { CronItem, CrontabFailure, ParsedCrontab } from "../../core/crontab.ts";
import { codeFrame } from "../code-frame.ts";
import type { LineFault } from "./line-fault.ts";
import { type Line, parseLine } from "./parse-line.ts";
import { loadUpstreamParser } from "./upstream-parser.ts";

/** Never throws. */
export async function parseCrontab(text: string): Promise<ParsedCrontab> {
  const lines = activeLines(text);
  if (lines.length === 0) return { text, items: [], failures: [] };
  const parse = await loadUpstreamParser();
  const items: CronItem[] = [];
  const failures: CrontabFailure[] = [];
  const fail = (line: number, task: string | null, fault: LineFault) =>
    failures.push({ ...fault, line, task, frame: codeFrame(text, { line, column: fault.column }) });
  const lineOf = new Map<string, number>();
  for (const line of lines) {
    const parsed = parseLine(line, parse);
    if (!parsed.ok) {
      for (const fault of parsed.faults) fail(line.number, parsed.task, fault);
      continue;
    }
    const { item } = parsed;
    const taken = lineOf.get(item.identifier);
    if (taken !== undefined) fail(line.number, item.task, sameIdentifier(item, taken));
    else items.push(item);
    lineOf.set(item.identifier, taken ?? line.number);
  }
  return { text, items, failures };
}

/** Neither blank nor a comment; each with the comment directly above it. */
function activeLines(text: string): Line[] {
  const lines: Line[] = [];
  let comment: string[] = [];
  // A byte order mark counts as white space, for trim as for the patterns.
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed.startsWith("#")) {
      comment.push(trimmed.replace(/^#+\s*/, ""));
      continue;
    }
    if (trimmed !== "") {
      const above = comment.filter((words) => words !== "").join(" ");
      lines.push({ text: line, number: index + 1, comment: above === "" ? null : above });
    }
    comment = [];
  }
  return lines;
}

function sameIdentifier({ identifier, taskColumn }: CronItem, line: number): LineFault {
  return {
    column: taskColumn,
    reason: `line ${line} has the identifier ${identifier} already`,
    fix: "Give this line one of its own with ?id=…",
  };
}
