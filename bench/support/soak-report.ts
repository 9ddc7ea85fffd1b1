/** What a soak has shown: the verdict, a table, a plot, and every sample as CSV. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Account } from "./soak-load.ts";
import type { Holdings } from "./soak-process.ts";
import { markdownTable, median } from "./statistics.ts";
import { type Trend, trendOf } from "./trend.ts";

export interface SoakSample extends Holdings {
  /** Below zero in the warm-up. */
  readonly atHours: number;
  readonly connections: number;
  readonly backlog: number;
  readonly accepted: number;
  readonly done: number;
}

export interface SoakResult {
  readonly samples: readonly SoakSample[];
  readonly account: Account;
  readonly saves: number;
  readonly reloads: number;
  readonly exitCode: number | null;
  readonly jobsPerSecond: number;
  readonly minutes: number;
}

export interface Verdict {
  readonly text: string;
  readonly faults: readonly string[];
}

/**
 * The first half is left out: what runs rarely gets compiled, and what an allocator has once taken
 * for a peak it keeps. A leak goes on in the second half.
 */
const settledShare = 0.5;

/** Growth below this share of the size isn't worth a word, however sure it is. */
const smallestShare = 0.01;

const sizes = {
  rssMb: "RSS, MB",
  objectsMb: "objects after GC, MB",
  threadObjectsMb: "objects of other threads, MB",
  externalMb: "external, MB",
};
const handles = {
  openFiles: "open files",
  resources: "active handles and requests",
  threads: "threads",
  connections: "Postgres connections",
  contexts: "contexts",
};

/**
 * Told, but no fault: V8 compiles what is hot and forgets what is not. As a part of the RSS it
 * counts; code that the program keeps is found by its objects.
 */
const told = {
  compiledMb: "compiled by V8, MB (not judged)",
  bytecodeMb: "of that bytecode, MB (not judged)",
  heapUsedMb: "whole heap after GC, MB (not judged)",
  committedMb: "heap taken from the system, MB (not judged)",
};

const columns = { ...sizes, ...handles, ...told };

export function judge(result: SoakResult): Verdict {
  const steady = result.samples.filter(({ atHours }) => atHours >= 0);
  const settled = steady.filter((_, index) => index >= steady.length * (1 - settledShare));
  const trends = Object.entries(columns).map(([key, name]) => {
    const column = key as keyof typeof columns; // why: the keys of the table
    const values = settled.map((sample) => sample[column]);
    const samples = settled.map(({ atHours }, index) => ({ atHours, value: values[index] ?? 0 }));
    const fifth = Math.max(1, Math.floor(values.length / 5));
    const [first, last] = [values.slice(0, fifth), values.slice(-fifth)];
    const stepsUp = key in handles && median(last) > Math.max(...first);
    const isJudged = !(key in told);
    const trend = trendOf(samples);
    return { name, trend, first: median(first), last: median(last), stepsUp, isJudged };
  });
  const grown = trends.filter(
    ({ trend, stepsUp, first, isJudged }) =>
      isJudged && (stepsUp || (trend.isGrowth && trend.growth > first * smallestShare)),
  );
  const faults = [
    ...grown.map(({ name, trend }) => `${name} grows by ${trend.slopePerHour.toFixed(2)} an hour`),
    ...accountFaults(result),
  ];
  const rows = trends.map(({ name, trend, first, last }) => [
    name,
    first.toFixed(2),
    last.toFixed(2),
    slopeOf(trend),
    trend.noise.toFixed(2),
  ]);
  return { faults, text: reportText(result, faults, rows) };
}

/** Writes report.md, samples.csv and plot.svg. */
export function writeReport(folder: string, result: SoakResult, { text }: Verdict): void {
  writeFileSync(join(folder, "report.md"), `${text}\n`);
  writeFileSync(join(folder, "samples.csv"), csv(result.samples));
  writeFileSync(join(folder, "plot.svg"), plot(result.samples));
}

export function csv(samples: readonly SoakSample[]): string {
  const [first] = samples;
  if (first === undefined) return "";
  const columns = Object.entries(first).flatMap(([name, value]) =>
    typeof value === "number" ? [name] : [],
  );
  const rows = samples.map((sample) => {
    const cells = new Map<string, unknown>(Object.entries(sample));
    return columns.map((name) => Number(Number(cells.get(name)).toFixed(4))).join(",");
  });
  return `${[columns.join(","), ...rows].join("\n")}\n`;
}

function accountFaults({ account, saves, reloads, exitCode }: SoakResult): string[] {
  const { accepted, done, open, lost, doubled } = account;
  return [
    ...(lost > 0 ? [`${lost} jobs are lost`] : []),
    ...(doubled > 0 ? [`${doubled} jobs have several records of their end`] : []),
    ...(open > 0 ? [`${open} jobs had not ended a while after the last was added`] : []),
    ...(accepted !== done + open + lost + doubled ? ["the accounts don't add up"] : []),
    ...(exitCode === 0 ? [] : [`the process ended with ${exitCode}`]),
    // Of six saves one breaks a file, which isn't told as a reload.
    ...(reloads < saves * 0.75 ? [`of ${saves} saves only ${reloads} were taken over`] : []),
  ];
}

function reportText(result: SoakResult, faults: readonly string[], rows: string[][]): string {
  const { account, saves, reloads, minutes, jobsPerSecond, samples } = result;
  const steady = samples.filter(({ atHours }) => atHours >= 0);
  const head = ["settled", "first fifth", "last fifth", "an hour (95 %)", "noise"];
  const { accepted, done, failed, open, lost, doubled } = account;
  return [
    "# Soak",
    "",
    `${minutes} minutes at ${jobsPerSecond} jobs a second, ${saves} saves, ${reloads} reloads,` +
      ` ${steady.length} samples; the minutes below zero are the warm-up.`,
    "",
    faults.length === 0 ? "**Nothing grows, nothing is lost.**" : "**Faults:**",
    ...faults.map((fault) => `- ${fault}`),
    "",
    `Jobs: ${accepted} accepted, ${done} ended once (${failed} of them failed as they should),` +
      ` ${open} open, ${lost} lost, ${doubled} doubled.`,
    "",
    "Over the second half of the samples; medians of its first and its last fifth:",
    "",
    markdownTable(head, rows),
    "",
    "Growth is a slope whose 95 % interval (widened by how alike neighbouring samples are) lies" +
      " above zero and that adds up to more than the noise and more than 1 %, or, for handles," +
      " a last fifth whose median lies above all of the first fifth.",
    "",
    markdownTable(
      ["minute", "RSS MB", "objects MB", "compiled MB", ...counted],
      everyMinute(samples),
    ),
  ].join("\n");
}

const counted = ["files", "handles", "connections", "backlog", "done"];

function everyMinute(samples: readonly SoakSample[]): string[][] {
  let nextMinute = Number.NEGATIVE_INFINITY;
  return samples.flatMap((sample) => {
    const minute = sample.atHours * 60;
    if (minute < nextMinute) return [];
    nextMinute = Math.floor(minute) + 1;
    const { openFiles, resources, connections, backlog, done } = sample;
    const counts = [openFiles, resources, connections, backlog, done].map(String);
    const memory = [sample.rssMb.toFixed(1), sample.objectsMb.toFixed(2)];
    return [[minute.toFixed(0), ...memory, sample.compiledMb.toFixed(2), ...counts]];
  });
}

function slopeOf({ slopePerHour, low, high }: Trend): string {
  return `${slopePerHour.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

function plot(all: readonly SoakSample[]): string {
  const samples = all.filter(({ atHours }) => atHours >= 0);
  const [width, height, margin] = [900, 380, 50];
  const hours = Math.max(...samples.map(({ atHours }) => atHours), 1 / 3600);
  const top = Math.max(...samples.map(({ rssMb }) => rssMb)) * 1.1;
  const x = (atHours: number) => margin + (atHours / hours) * (width - 2 * margin);
  const y = (value: number) => height - margin - (value / top) * (height - 2 * margin);
  const curve = (color: string, of: (sample: SoakSample) => number) => {
    const points = samples.map((each) => `${x(each.atHours).toFixed(1)},${y(of(each)).toFixed(1)}`);
    return `<polyline fill="none" stroke="${color}" points="${points.join(" ")}"/>`;
  };
  const label = (text: string, at: readonly [number, number], color = "#444") =>
    `<text x="${at[0]}" y="${at[1]}" fill="${color}">${text}</text>`;
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => {
    const level = y(top * share);
    const line = `M${margin} ${level}H${width - margin}`;
    return [`<path stroke="#ddd" d="${line}"/>`, label((top * share).toFixed(0), [12, level + 4])];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}"`,
    '  font-family="sans-serif" font-size="12">',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...grid,
    curve("#c0392b", ({ rssMb }) => rssMb),
    curve("#2980b9", ({ objectsMb }) => objectsMb),
    curve("#8e44ad", ({ compiledMb }) => compiledMb),
    curve("#27ae60", ({ openFiles }) => openFiles),
    label("RSS, MB", [margin, 24], "#c0392b"),
    label("objects after GC, MB", [margin + 80, 24], "#2980b9"),
    label("compiled by V8, MB", [margin + 230, 24], "#8e44ad"),
    label("open files", [margin + 370, 24], "#27ae60"),
    label("0", [margin, height - 24]),
    label(`${(hours * 60).toFixed(0)} minutes`, [width - margin - 70, height - 24]),
    "</svg>\n",
  ].join("\n");
}
