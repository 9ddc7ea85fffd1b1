/**
 * Does a process that works for long keep what it doesn't need? `taskrun --watch` at a steady load
 * of every kind of job, a saved file every 10 s, after a warm-up of more saves. Looks at memory and
 * handles all the time and counts every job. Ends by itself; exit code 1 when something grows or a
 * job is lost. Needs a build, and Linux.
 */

import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import pg from "pg";
import { migrate } from "../src/store/migrate.ts";
import { openBenchDatabase } from "./support/database.ts";
import { SoakLoad } from "./support/soak-load.ts";
import { SoakProcess } from "./support/soak-process.ts";
import { SoakProject } from "./support/soak-project.ts";
import { csv, judge, type SoakSample, writeReport } from "./support/soak-report.ts";

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    "warm-up": { type: "string", default: "30" },
    rate: { type: "string", default: "100" },
    "save-every": { type: "string", default: "10" },
    "sample-every": { type: "string", default: "10" },
    "leak-kb-per-job": { type: "string", default: "0" },
    report: { type: "string" },
  },
});
const minutes = positive("minutes");
const warmUpMs = positive("warm-up") * 60_000;
const rate = positive("rate");
const saveEveryMs = positive("save-every") * 1000;
const sampleEveryMs = Math.min(positive("sample-every") * 1000, (minutes * 60_000) / 20);
const folder = resolve(flags.report ?? (await mkdtemp(join(tmpdir(), "taskrun-soak-report-"))));
mkdirSync(folder, { recursive: true });
/**
 * V8 compiles code when it has run often enough, not when it is old enough: at a save every 10 s it
 * would take hours until what reloads is compiled, and each new machine code is memory.
 */
const warmUpSaveEveryMs = Math.min(saveEveryMs, 300);
/** For the jobs that are under way when the last one has been added. */
const drainMs = 120_000;

// Whatever hangs, the run ends.
setTimeout(() => process.exit(2), warmUpMs + minutes * 60_000 + drainMs + 180_000).unref();
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => interrupted.abort());

process.exitCode = await soak();

async function soak(): Promise<number> {
  const database = await openBenchDatabase();
  const pool = new pg.Pool({
    connectionString: database.connectionString,
    max: 2,
    application_name: "soak",
    // Whatever holds it up, the run ends with a word on it.
    query_timeout: 60_000,
  });
  await using project = await SoakProject.create(Number(flags["leak-kb-per-job"]));
  try {
    await migrate(database.connectionString, { schema: "graphile_worker" });
    const load = new SoakLoad(pool, rate);
    await load.openAccounts();
    const soaked = await SoakProcess.start(project.dir, database.connectionString);
    const samples: SoakSample[] = [];
    const counted = { saves: 0, reloads: 0 };
    let exitCode: number | null = null;
    try {
      load.start();
      await watch(soaked, { project, load, pool, samples, counted });
    } finally {
      await load.stop();
      await drained(load);
      exitCode = await soaked.stop();
    }
    const result = {
      samples,
      account: await load.account(),
      saves: project.saves - counted.saves,
      reloads: soaked.reloads - counted.reloads,
      exitCode,
      jobsPerSecond: rate,
      minutes: Number(((samples.at(-1)?.atHours ?? 0) * 60).toFixed(1)),
    };
    await load.closeAccounts();
    const verdict = judge(result);
    writeReport(folder, result, verdict);
    console.log(`\n${verdict.text}\n\nIn ${folder}: report.md, samples.csv, plot.svg`);
    if (verdict.faults.length > 0) writeFileSync(join(folder, "told.txt"), soaked.told);
    return verdict.faults.length > 0 ? 1 : 0;
  } finally {
    await pool.end();
    await database.close();
  }
}

interface Watched {
  readonly project: SoakProject;
  readonly load: SoakLoad;
  readonly pool: pg.Pool;
  readonly samples: SoakSample[];
  /** What there was of them when the warm-up was over. */
  readonly counted: { saves: number; reloads: number };
}

/**
 * Saves files and takes samples until the time is over, or somebody interrupts. The warm-up comes
 * before minute 0.
 */
async function watch(soaked: SoakProcess, watched: Watched): Promise<void> {
  const { project, counted } = watched;
  const startMs = performance.now() + warmUpMs;
  let [nextSaveMs, nextSampleMs] = [-warmUpMs, -warmUpMs];
  for (;;) {
    const nowMs = performance.now() - startMs;
    if (nowMs > minutes * 60_000 || interrupted.signal.aborted) return;
    if (nowMs >= nextSaveMs) {
      await project.save();
      nextSaveMs += nextSaveMs < 0 ? warmUpSaveEveryMs : saveEveryMs;
      // The last saves of the warm-up are still being taken over: too few is told, too many isn't.
      if (nextSaveMs < 0) Object.assign(counted, { saves: project.saves, reloads: soaked.reloads });
    }
    if (nowMs >= nextSampleMs) {
      await takeSample(soaked, watched, nowMs / 3_600_000);
      nextSampleMs += sampleEveryMs;
    }
    await pause(50);
  }
}

async function takeSample(soaked: SoakProcess, watched: Watched, atHours: number): Promise<void> {
  const { load, pool, samples } = watched;
  const { rows } = await pool.query(
    `select (select count(*)::int from pg_stat_activity
        where datname = current_database() and application_name like 'taskrun%') as connections,
      (select count(*)::int from soak_accepted) as accepted,
      (select count(*)::int from soak_ended) as done`,
  );
  const [counted] = rows;
  const sample = { ...(await soaked.look()), ...counted, atHours, backlog: await load.backlog() };
  if (samples.at(-1)?.accepted === sample.accepted) await tellStall(pool, atHours);
  samples.push(sample);
  // Kept also when the run is killed.
  const text = csv([sample]);
  const file = join(folder, "samples.csv");
  if (samples.length === 1) writeFileSync(file, text);
  else appendFileSync(file, text.slice(text.indexOf("\n") + 1));
  if (samples.length % 6 !== 1) return;
  const { rssMb, objectsMb, compiledMb, openFiles, connections, backlog, done } = sample;
  console.log(
    `${(atHours * 60).toFixed(1).padStart(5)} min  RSS ${rssMb.toFixed(1)} MB  objects` +
      ` ${objectsMb.toFixed(2)} MB  compiled ${compiledMb.toFixed(2)} MB  ${openFiles} files` +
      `  ${connections} connections  ${done} done  ${backlog} waiting  ${soaked.reloads} reloads`,
  );
}

/** No job has come since the sample before: who waits for whom is told while it lasts. */
async function tellStall(pool: pg.Pool, atHours: number): Promise<void> {
  const { rows } = await pool.query(
    `select pid, application_name, state, wait_event_type, wait_event, pg_blocking_pids(pid) as by,
       now() - xact_start as transaction, now() - state_change as since, left(query, 200) as query
     from pg_stat_activity where datname = current_database()`,
  );
  const lines = rows.map((row) => JSON.stringify(row)).join("\n");
  console.log(`no job was added before minute ${(atHours * 60).toFixed(1)}:\n${lines}`);
  appendFileSync(join(folder, "stalls.txt"), `${(atHours * 60).toFixed(1)}\n${lines}\n`);
}

async function drained(load: SoakLoad): Promise<void> {
  const deadline = performance.now() + drainMs;
  while ((await load.backlog()) > 0 && performance.now() < deadline) await pause(200);
}

function positive(name: "minutes" | "warm-up" | "rate" | "save-every" | "sample-every"): number {
  const value = Number(flags[name]);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`--${name} must be a number above 0, not ${flags[name]}`);
  return process.exit(2);
}
