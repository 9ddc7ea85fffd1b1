/** What a soak has shown: the verdict, a table, a plot, and every sample as CSV. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Account } from "./soak-load.ts";
import type { Holdings } from "./soak-process.ts";
import { markdownTable, median } from "./statistics.ts";
import { type Trend, trendOf } from "./trend.ts";

export interface SoakSample extends Holdings {
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

/** The start-up is left out: code gets compiled, pools and caches fill. */
const settledShare = 0.8;

/** Growth below this share of the size isn't worth a word, however sure it is. */
const smallestShare = 0.01;

const sizes = { rssMb: "RSS, MB", heapUsedMb: "heap after GC, MB", externalMb: "external, MB" };
const handles = {
  openFiles: "open files",
  resources: "active handles and requests",
  threads: "threads",
  connections: "Postgres connections",
  contexts: "contexts",
};

export function judge(result: SoakResult): Verdict {
  const settled = result.samples.filter(
    (_, index) => index >= result.samples.length * (1 - settledShare),
  );
  const trends = Object.entries({ ...sizes, ...handles }).map(([key, name]) => {
    const column = key as keyof typeof sizes | keyof typeof handles; // why: the keys of the tables
    const values = settled.map((sample) => sample[column]);
    const samples = settled.map(({ atHours }, index) => ({ atHours, value: values[index] ?? 0 }));
    const fifth = Math.max(1, Math.floor(values.length / 5));
    const [first, last] = [values.slice(0, fifth), values.slice(-fifth)];
    const stepsUp = key in handles && median(last) > Math.max(...first);
    return { name, trend: trendOf(samples), first: median(first), last: median(last), stepsUp };
  });
  const grown = trends.filter(
    ({ trend, stepsUp, first }) =>
      stepsUp || (trend.isGrowth && trend.growth > first * smallestShare),
  );
  const faults = [
    ...grown.map(({ name, trend }) => `${name} grows by ${trend.slopePerHour.toFixed(2)} an hour`),
    ...accountFaults(result),
  ];
  const rows = trends.map(({ name, trend, first, last }) => [
    name,
    first.toFixed(1),
    last.toFixed(1),
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
  const head = ["settled", "first fifth", "last fifth", "an hour (95 %)", "noise"];
  const { accepted, done, failed, open, lost, doubled } = account;
  return [
    "# Soak",
    "",
    `${minutes} minutes at ${jobsPerSecond} jobs a second, ${saves} saves, ${reloads} reloads,` +
      ` ${samples.length} samples.`,
    "",
    faults.length === 0 ? "**Nothing grows, nothing is lost.**" : "**Faults:**",
    ...faults.map((fault) => `- ${fault}`),
    "",
    `Jobs: ${accepted} accepted, ${done} ended once (${failed} of them failed as they should),` +
      ` ${open} open, ${lost} lost, ${doubled} doubled.`,
    "",
    "Over the last 80 % of the samples; medians of its first and its last fifth:",
    "",
    markdownTable(head, rows),
    "",
    "Growth is a slope whose 95 % interval (widened by how alike neighbouring samples are) lies" +
      " above zero and that adds up to more than the noise and more than 1 %, or, for handles," +
      " a last fifth whose median lies above all of the first fifth.",
    "",
    markdownTable(
      ["minute", "RSS MB", "heap MB", "files", "handles", "connections", "backlog", "done"],
      everyMinute(samples),
    ),
  ].join("\n");
}

function everyMinute(samples: readonly SoakSample[]): string[][] {
  let nextMinute = 0;
  return samples.flatMap((sample) => {
    const minute = sample.atHours * 60;
    if (minute < nextMinute) return [];
    nextMinute = Math.floor(minute) + 1;
    const { rssMb, heapUsedMb, openFiles, resources, connections, backlog, done } = sample;
    const counts = [openFiles, resources, connections, backlog, done].map(String);
    return [[minute.toFixed(0), rssMb.toFixed(1), heapUsedMb.toFixed(1), ...counts]];
  });
}

function slopeOf({ slopePerHour, low, high }: Trend): string {
  return `${slopePerHour.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

function plot(samples: readonly SoakSample[]): string {
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
    curve("#2980b9", ({ heapUsedMb }) => heapUsedMb),
    curve("#27ae60", ({ openFiles }) => openFiles),
    label("RSS, MB", [margin, 24], "#c0392b"),
    label("heap after GC, MB", [margin + 80, 24], "#2980b9"),
    label("open files", [margin + 220, 24], "#27ae60"),
    label("0", [margin, height - 24]),
    label(`${(hours * 60).toFixed(0)} minutes`, [width - margin - 70, height - 24]),
    "</svg>\n",
  ].join("\n");
}
