/**
 * What a second process brings when handlers compute: a queue of jobs that each take about 1 ms of
 * CPU, drained by the command as installed (taskrun built), with one process and with several. The
 * sides take turns. The time is the database's own: from the first start of a job to the last end.
 */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { migrate } from "../src/store/migrate.ts";
import {
  addJobs,
  countJobs,
  describeServer,
  emptyQueue,
  openBenchDatabase,
  settleDown,
} from "./support/database.ts";
import { markdownTable, median, pairedRatio } from "./support/statistics.ts";

const { values: flags } = parseArgs({
  options: {
    jobs: { type: "string", default: "5000" },
    rounds: { type: "string", default: "5" },
    processes: { type: "string", default: "1,2" },
    ms: { type: "string", default: "1" },
  },
});
const jobs = Number(flags.jobs);
const sides = flags.processes.split(",").map(Number);
const repository = resolve(import.meta.dirname, "..");

const taskText = `import { createHash } from "node:crypto";
export default function compute({ times }) {
  let text = "";
  for (let n = 0; n < times; n += 1) text = createHash("sha256").update(text + n).digest("hex");
  return { text };
}
`;

/** How often the task has to compute so that it takes so long, by the fastest of some tries. */
function calibrate(ms: number): number {
  const tries = 20_000;
  let fastestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 7; round += 1) {
    const startedAtMs = performance.now();
    let text = "";
    for (let n = 0; n < tries; n += 1) {
      text = createHash("sha256")
        .update(text + n)
        .digest("hex");
    }
    fastestMs = Math.min(fastestMs, performance.now() - startedAtMs);
  }
  return Math.round((ms / fastestMs) * tries);
}

const database = await openBenchDatabase();
await migrate(database.connectionString, { schema: "graphile_worker" });
const folder = await mkdtemp(join(tmpdir(), "taskrun-bench-processes-"));

async function drain(processes: number, times: number): Promise<number> {
  const { admin } = database;
  await emptyQueue(admin);
  await addJobs(admin, { task: "compute", count: jobs, payload: { times } });
  await settleDown(admin);
  const command = [join(repository, "bin/taskrun.js"), "run", "--log-level", "warn"];
  const child = spawn(process.execPath, [...command, "--processes", String(processes)], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: database.connectionString },
    stdio: ["ignore", "inherit", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const ended = once(child, "exit");
  while ((await countJobs(admin)) > 0) {
    if (child.exitCode !== null) throw new Error(`${processes} processes ended early: ${said}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  child.kill("SIGTERM");
  await ended;
  const { rows } = await admin.query(`
    select count(*)::int as done, count(distinct process)::int as processes,
      extract(epoch from max(finished_at) - min(started_at))::float8 as seconds
    from taskrun.history where state = 'completed'`);
  const { done, seconds } = rows[0];
  if (done !== jobs || rows[0].processes !== processes) {
    throw new Error(`${rows[0].processes} of ${processes} processes ran ${done} of ${jobs} jobs`);
  }
  return jobs / seconds;
}

try {
  await mkdir(join(folder, "tasks"));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  await writeFile(join(folder, "tasks", "compute.js"), taskText);
  await symlink(join(repository, "node_modules"), join(folder, "node_modules"));
  const times = calibrate(Number(flags.ms));
  console.log(await describeServer(database.admin));
  console.log(`Node ${process.versions.node}, ${cpus().length} cores, ${jobs} jobs a round`);
  console.log(`${flags.ms} ms of handler CPU a job: ${times} hashes`);
  const speeds = new Map<number, number[]>(sides.map((side) => [side, []]));
  for (const side of sides) await drain(side, times);
  for (let round = 1; round <= Number(flags.rounds); round += 1) {
    for (const [side, samples] of speeds) {
      samples.push(await drain(side, times));
      console.log(`round ${round}  ${side} processes  ${samples.at(-1)?.toFixed(0)} jobs/s`);
    }
  }
  const [base = []] = speeds.values();
  const rows = [...speeds].map(([side, samples]) => [
    `--processes ${side}`,
    median(samples).toFixed(0),
    `${Math.min(...samples).toFixed(0)}–${Math.max(...samples).toFixed(0)}`,
    pairedRatio(samples, base).toFixed(2),
  ]);
  console.log(`\n${markdownTable(["side", "jobs/s", "range", "×"], rows)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
  await database.close();
}
