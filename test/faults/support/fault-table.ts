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

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), "taskrun-faults-"));
  const file = join(folder, "faults.jsonl");
  writeFileSync(file, "");
  project.provide("faultReport", file);
  return () => {
    const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
    rmSync(folder, { recursive: true });
    const reports = lines.map((line): FaultReport => JSON.parse(line));
    if (reports.length > 0) process.stdout.write(`\n${table(reports)}\n`);
  };
}

/** Puts a fault's figures into the table; `file` is `inject("faultReport")`. */
export function reportFault(file: string, report: FaultReport): void {
  appendFileSync(file, `${JSON.stringify(report)}\n`);
}

function table(reports: readonly FaultReport[]): string {
  const head = ["fault", "times", "jobs in", "done", "lost", "doubled", "s to recover", ""];
  const rows = reports
    .toSorted((a, b) => a.fault.localeCompare(b.fault))
    .map((report) => [
      report.fault,
      String(report.times),
      String(report.jobsIn),
      String(report.done),
      String(report.lost),
      String(report.doubled),
      report.secondsToRecover?.toFixed(1) ?? "–",
      report.note ?? "",
    ]);
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(head), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)].join("\n");
}
