/**
 * Runs the measurements one after the other, each a process of its own, and writes what they come
 * to into RESULTS.md and results.svg, after each anew: a run that is broken off leaves what it had.
 * With --check a few short ones instead, which write nothing and end with 1 when a ratio to
 * graphile-worker in the same run is far from what it was.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checks } from "./support/checks.ts";
import { type Figure, goalText, isReached, readFigure, valueText } from "./support/figures.ts";
import { figuresPlot } from "./support/figures-plot.ts";
import { describeMachine } from "./support/machine.ts";
import { readTables } from "./support/markdown-tables.ts";
import { type Measurement, measurements } from "./support/measurements.ts";
import { markdownTable } from "./support/statistics.ts";

const { values: flags } = parseArgs({
  options: {
    /** More samples: half an hour or so. */
    long: { type: "boolean", default: false },
    /** Names of benches: "drain,idle". */
    only: { type: "string" },
    check: { type: "boolean", default: false },
    /** What has not begun by then is left out. Default: 14, with --long 90. */
    minutes: { type: "string" },
  },
});

interface Measured {
  readonly measurement: Measurement;
  readonly printed: string;
  readonly figures: readonly Figure[];
  /** Null when it ended well. */
  readonly fault: string | null;
}

const startedAt = new Date();
const endsAtMs = startedAt.getTime() + Number(flags.minutes ?? (flags.long ? 90 : 18)) * 60_000;
const machine = describeMachine();

if (flags.check) process.exitCode = (await check()) ? 0 : 1;
else await measureAll();

async function measureAll(): Promise<void> {
  const wanted = flags.only?.split(",");
  const done: Measured[] = [];
  for (const measurement of measurements) {
    if (wanted?.includes(measurement.file.replace(/\.ts$/, "")) === false) continue;
    done.push(await measure(measurement));
    write(done);
  }
  const minutes = (Date.now() - startedAt.getTime()) / 60_000;
  console.log(`\n${summary(done)}\n\n${minutes.toFixed(1)} minutes; written to bench/RESULTS.md`);
  if (done.some(({ fault }) => fault !== null)) process.exitCode = 1;
}

/** A ratio that is too low has a second chance: what else the machine does comes in gusts. */
async function check(): Promise<boolean> {
  let isGood = true;
  for (const measurement of checks) {
    const first = await measure(measurement);
    const last = isFine(first) ? first : await measure(measurement);
    isGood &&= isFine(last);
    console.log(`\n${summary([last])}\n`);
  }
  return isGood;
}

function isFine({ figures, fault }: Measured): boolean {
  return fault === null && figures.every(isReached);
}

async function measure(measurement: Measurement): Promise<Measured> {
  const { file, limitSeconds, title } = measurement;
  console.log(`\n## ${title} (${file})\n`);
  const chosen = argumentsOf(measurement);
  const limitMs = Math.min(limitSeconds * 1000 * (flags.long ? 10 : 1), endsAtMs - Date.now());
  if (limitMs < 10_000)
    return {
      measurement,
      printed: "",
      figures: readAll(measurement, ""),
      fault: "There was no time left for it.",
    };
  const script = join(import.meta.dirname, file);
  const child = spawn(process.execPath, [...process.execArgv, script, ...chosen], {
    stdio: ["ignore", "pipe", "inherit"],
    // A group of its own: what the bench has started ends with it.
    detached: true,
  });
  const end = () => child.pid !== undefined && process.kill(-child.pid, "SIGKILL");
  const endAll = () => {
    end();
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, endAll);
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
    process.stdout.write(text);
  });
  const limit = setTimeout(end, limitMs);
  const [code, signal] = await once(child, "close");
  clearTimeout(limit);
  for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, endAll);
  const late = `It was ended after ${(limitMs / 1000).toFixed(0)} s.`;
  const fault = signal === "SIGKILL" ? late : `It failed (exit code ${code}).`;
  const figures = readAll(measurement, printed);
  return { measurement, printed, figures, fault: code === 0 ? null : fault };
}

function argumentsOf({ args, long }: Measurement): readonly string[] {
  return flags.long ? (long ?? args) : args;
}

function readAll(measurement: Measurement, printed: string): Figure[] {
  const tables = readTables(printed);
  return measurement.figures.map((spec) => readFigure(tables, spec));
}

function summary(done: readonly Measured[]): string {
  const rows = done.flatMap(({ figures }) =>
    figures.map((figure) => [
      figure.label,
      valueText(figure),
      goalText(figure),
      figure.value === null ? "" : isReached(figure) ? "yes" : "no",
    ]),
  );
  return markdownTable(["", "measured", "asked for", "reached"], rows);
}

function write(done: readonly Measured[]): void {
  const figures = done.flatMap((each) => each.figures);
  const sections = done.flatMap(({ measurement, printed, fault }) => [
    `## ${measurement.title}`,
    "",
    `\`bench/${measurement.file} ${argumentsOf(measurement).join(" ")}\``,
    "",
    ...(fault === null ? [] : [`**${fault}**`, ""]),
    ...readTables(printed).flatMap(({ head, rows }) => [
      markdownTable(
        head,
        rows.map((row) => [...row]),
      ),
      "",
    ]),
    ...notesIn(printed),
  ]);
  const text = [
    "# Results",
    "",
    "Written by `npm run bench`; [README.md](README.md) says how each is measured. Medians of",
    "paired rounds: compare within a table, not across tables or machines.",
    "",
    `${startedAt.toISOString().slice(0, 16).replace("T", " ")} UTC.`,
    ...machine,
    "",
    summary(done),
    "",
    "![Each figure as a share of what is asked for](results.svg)",
    "",
    ...sections,
  ].join("\n");
  writeFileSync(join(import.meta.dirname, "RESULTS.md"), `${text.trimEnd()}\n`);
  writeFileSync(join(import.meta.dirname, "results.svg"), figuresPlot(figures));
}

/** What a bench says besides its tables: the server, and what was left out. */
function notesIn(printed: string): string[] {
  const notes = printed.split("\n").filter((line) => /^(?:PostgreSQL|Skipped|Versions)/.test(line));
  return notes.length === 0 ? [] : [...notes.map((line) => `- ${line}`), ""];
}
