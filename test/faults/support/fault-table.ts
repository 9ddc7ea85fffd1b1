/** Collects what each fault did to the jobs, and prints the table when all have been tried. */

import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import type { Ledger } from "./fault-lab.ts";

declare module "vitest" {
  interface ProvidedContext {
    faultReport: string;
  }
}

export interface FaultReport extends Ledger {
  readonly fault: string;
  /** How often it was done to the processes, the server or the connection. */
  readonly times: number;
  /** From the fault until everything worked again; the longest, when there were several. */
  readonly secondsToRecover: number | null;
  /** Why runs were doubled, where at-least-once allows it. */
  readonly note?: string;
}

interface SkippedFault {
  readonly fault: string;
  readonly skipped: string;
}

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), "taskrun-faults-"));
  const file = join(folder, "faults.jsonl");
  writeFileSync(file, "");
  project.provide("faultReport", file);
  const startedAtMs = performance.now();
  return () => {
    const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
    rmSync(folder, { recursive: true });
    const reports = lines.map((line): FaultReport | SkippedFault => JSON.parse(line));
    if (reports.length === 0) return;
    const seconds = Math.round((performance.now() - startedAtMs) / 1000);
    process.stdout.write(`\n${table(reports)}\n\n${sum(reports, seconds)}\n`);
  };
}

/** Puts a fault's figures into the table; `file` is `inject("faultReport")`. */
export function reportFault(file: string, report: FaultReport): void {
  appendFileSync(file, `${JSON.stringify(report)}\n`);
}

/** Shows the fault in the table all the same, with the reason why it wasn't tried. */
export function reportSkipped(file: string, fault: string, reason: string): void {
  appendFileSync(file, `${JSON.stringify({ fault, skipped: reason } satisfies SkippedFault)}\n`);
}

const columns = [
  "fault",
  "times",
  "jobs in",
  "done",
  "lost",
  "doubled",
  "s to recover",
  "why twice",
];

function table(reports: readonly (FaultReport | SkippedFault)[]): string {
  const rows = reports.toSorted((a, b) => a.fault.localeCompare(b.fault)).map(cells);
  const widths = columns.map((_, column) =>
    Math.max(...[columns, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const rule = line(widths.map((width) => "─".repeat(width)));
  return [line(columns), rule, ...rows.map(line)].join("\n");
}

function cells(report: FaultReport | SkippedFault): string[] {
  if ("skipped" in report) {
    return [report.fault, "–", "–", "–", "–", "–", "–", `skipped: ${report.skipped}`];
  }
  const { fault, times, jobsIn, done, lost, doubled, secondsToRecover, note } = report;
  return [
    fault,
    ...[times, jobsIn, done, lost, doubled].map(String),
    secondsToRecover?.toFixed(1) ?? "–",
    doubled > 0 ? (note ?? "") : "",
  ];
}

function sum(reports: readonly (FaultReport | SkippedFault)[], seconds: number): string {
  const tried = reports.filter((report): report is FaultReport => !("skipped" in report));
  const total = (key: "times" | "jobsIn" | "lost") =>
    tried.reduce((count, report) => count + report[key], 0);
  const skipped = reports.length - tried.length;
  const minutes = `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${tried.length} faults, ${total("times")} times, ${total("jobsIn")} jobs, ${total("lost")} lost${
    skipped === 0 ? "" : `; ${skipped} skipped`
  }; ${minutes}`;
}
