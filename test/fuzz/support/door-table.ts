/** Collects what was let in at each door, and prints the table when all have been knocked at. */

import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Only in `npm run test:fuzz`. */
    fuzz: { readonly file: string; readonly runs: number; readonly seed: number };
  }
}

export interface DoorReport {
  readonly door: string;
  readonly inputs: number;
  readonly refused: number;
  readonly accepted: number;
  readonly crashes: number;
  readonly slowestMs: number;
}

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), "taskrun-fuzz-"));
  const file = join(folder, "doors.jsonl");
  writeFileSync(file, "");
  const runs = Number(process.env.FUZZ_RUNS ?? 10_000);
  const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
  project.provide("fuzz", { file, runs, seed });
  return () => {
    const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
    rmSync(folder, { recursive: true });
    const reports = lines.map((line): DoorReport => JSON.parse(line));
    if (reports.length === 0) return;
    process.stdout.write(`\n${table(reports)}\n\nFUZZ_SEED=${seed} FUZZ_RUNS=${runs}\n`);
  };
}

export function reportDoor(file: string, report: DoorReport): void {
  appendFileSync(file, `${JSON.stringify(report)}\n`);
}

function table(reports: readonly DoorReport[]): string {
  const head = ["door", "inputs", "refused", "accepted", "crashes", "slowest ms"];
  const rows = reports
    .toSorted((a, b) => a.door.localeCompare(b.door))
    .map(({ door, inputs, refused, accepted, crashes, slowestMs }) => [
      door,
      ...[inputs, refused, accepted, crashes, Math.round(slowestMs)].map(String),
    ]);
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ");
  return [line(head), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)].join("\n");
}
