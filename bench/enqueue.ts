/**
 * How fast jobs are queued: many in one call, and one by one with each awaited. taskrun's client
 * checks every payload with its task's zod schema; graphile-worker's utilities check nothing. The
 * sides take turns, each round in the opposite order of the one before.
 */

import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type AddJobsJobSpec, Logger, makeWorkerUtils } from "graphile-worker";
import pg from "pg";
import { z } from "zod";
import { migrate } from "../src/store/migrate.ts";
import { describeServer, emptyQueue, openBenchDatabase, settleDown } from "./support/database.ts";
import { findServerCpu, type ServerCpu } from "./support/server-cpu.ts";
import { markdownTable, median, pairedRatio } from "./support/statistics.ts";

const { values: flags } = parseArgs({
  options: {
    jobs: { type: "string", default: "100000" },
    single: { type: "string", default: "2000" },
    together: { type: "string", default: "10" },
    rounds: { type: "string", default: "5" },
    // "off": no commit waits for the disk, which is much of what a single job takes.
    commit: { type: "string", default: "on" },
  },
});
const many = Number(flags.jobs);
const single = Number(flags.single);
const together = Number(flags.together);
const rounds = Number(flags.rounds);

interface Way {
  readonly name: string;
  /** Ways are compared within their group, with its first. */
  readonly group: string;
  readonly jobs: number;
  run(): Promise<unknown>;
}

interface Round {
  readonly jobsPerSecond: number;
  readonly cpuPerJobUs: number;
  readonly serverCpuPerJobUs: number;
}

const database = await openBenchDatabase();
await migrate(database.connectionString, { schema: "graphile_worker" });
const connectionUrl = new URL(database.connectionString);
connectionUrl.searchParams.set("options", `-c synchronous_commit=${flags.commit}`);
const connectionString = connectionUrl.href;
const serverCpu = await findServerCpu(database.admin);
// Many jobs in one call go over connections of their own: having seen them, a session plans the
// statements within add_job once and for all, which an application that adds single jobs never has.
const bulkPool = openPool();
const bulkUtils = await openUtils(bulkPool);
const pool = openPool();
const utils = await openUtils(pool);
// The build, as applications have it.
const built = new URL("../dist/client/index.js", import.meta.url).href;
// why: the build exports what its sources do
const { createClient } = (await import(built)) as typeof import("../src/client/index.ts");
const client = createClient({
  connectionString,
  schema: "graphile_worker",
  tasks: {
    bench: { payload: z.object({ n: z.int(), to: z.string() }), handler: () => null },
  },
  project: join(import.meta.dirname, "support"),
});

function openPool(): pg.Pool {
  const opened = new pg.Pool({ connectionString, max: 10 });
  opened.on("error", () => {});
  opened.on("connect", (connection) => connection.on("error", () => {}));
  return opened;
}

function openUtils(pgPool: pg.Pool) {
  return makeWorkerUtils({ pgPool, logger: new Logger(() => () => {}) });
}

function payloadOf(n: number) {
  return { n, to: `user${n}@example.org` };
}

async function oneByOne(add: (n: number) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < single; n += 1) await add(n);
}

/** So many callers at once, each awaiting its own. */
async function sideBySide(add: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const caller = async () => {
    while (next < single) await add(next++);
  };
  await Promise.all(Array.from({ length: together }, caller));
}

const specs = Array.from(
  { length: many },
  (_, n): AddJobsJobSpec => ({ identifier: "bench", payload: payloadOf(n) }),
);
const list = Array.from({ length: many }, (_, n) => ({ task: "bench", payload: payloadOf(n) }));
const bulk = `${many} in one call`;
const awaited = `${single}, each awaited`;
const concurrent = `${single}, ${together} at a time`;
const addJob = (n: number) => utils.addJob("bench", payloadOf(n));
const enqueue = (n: number) => client.enqueue("bench", payloadOf(n));
const onlyIds = `select id from graphile_worker.add_jobs(array(
  select json_populate_recordset(null::graphile_worker.job_spec, $1::json)))`;
const floor = `with added as (
    insert into graphile_worker._private_jobs (task_id, payload)
    values ((select id from graphile_worker._private_tasks where identifier = 'bench'), $1)
    returning id)
  select id, pg_notify('jobs:insert', '{"r":0.5,"count":1}') from added`;
const insert = (n: number) => pool.query(floor, [JSON.stringify(payloadOf(n))]);
const ways: Way[] = [
  {
    name: "add_jobs (utils.addJobs)",
    group: bulk,
    jobs: many,
    run: () => bulkUtils.addJobs(specs),
  },
  {
    name: "add_jobs, only ids fetched",
    group: bulk,
    jobs: many,
    run: () => bulkPool.query(onlyIds, [JSON.stringify(specs)]),
  },
  { name: "enqueueMany", group: bulk, jobs: many, run: () => client.enqueueMany(list) },
  { name: "add_job (utils.addJob)", group: awaited, jobs: single, run: () => oneByOne(addJob) },
  { name: "insert and notify", group: awaited, jobs: single, run: () => oneByOne(insert) },
  { name: "enqueue", group: awaited, jobs: single, run: () => oneByOne(enqueue) },
  { name: "add_job (utils)", group: concurrent, jobs: single, run: () => sideBySide(addJob) },
  { name: "enqueue, coalesced", group: concurrent, jobs: single, run: () => sideBySide(enqueue) },
];

try {
  console.log(await describeServer(pool));
  console.log(`Node ${process.versions.node}, ${cpus().length} cores`);
  for (const way of ways) await measure(way, serverCpu);
  const results = new Map(ways.map((way): [Way, Round[]] => [way, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const way of round % 2 ? ways : ways.toReversed()) {
      results.get(way)?.push(await measure(way, serverCpu));
    }
  }
  console.log(`\n${table(results)}\n`);
} finally {
  await client.close();
  await utils.release();
  await bulkUtils.release();
  await pool.end();
  await bulkPool.end();
  await database.close();
}

async function measure(way: Way, serverCpuUs: ServerCpu | null): Promise<Round> {
  await emptyQueue(database.admin);
  await settleDown(database.admin);
  globalThis.gc?.();
  const serverBefore = serverCpuUs?.() ?? Number.NaN;
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await way.run();
  const tookMs = performance.now() - startedAt;
  const cpu = process.cpuUsage(cpuBefore);
  const serverUs = (serverCpuUs?.() ?? Number.NaN) - serverBefore;
  const { rows } = await database.admin.query(
    `select count(*)::int as n from graphile_worker.jobs where task_identifier = 'bench'`,
  );
  if (rows[0].n !== way.jobs) throw new Error(`${way.name} queued ${rows[0].n} of ${way.jobs}`);
  return {
    jobsPerSecond: (way.jobs * 1000) / tookMs,
    cpuPerJobUs: (cpu.user + cpu.system) / way.jobs,
    serverCpuPerJobUs: serverUs / way.jobs,
  };
}

function table(results: ReadonlyMap<Way, readonly Round[]>): string {
  const rows = [...results].map(([way, played]) => {
    const base = [...results].find(([{ group }]) => group === way.group)?.[1] ?? [];
    const speeds = played.map((round) => round.jobsPerSecond);
    const baseSpeeds = base.map((round) => round.jobsPerSecond);
    return [
      `${way.group}: ${way.name}`,
      median(speeds).toFixed(0),
      `${Math.min(...speeds).toFixed(0)}–${Math.max(...speeds).toFixed(0)}`,
      pairedRatio(speeds, baseSpeeds).toFixed(2),
      median(played.map((round) => round.cpuPerJobUs)).toFixed(1),
      median(played.map((round) => round.serverCpuPerJobUs)).toFixed(1),
    ];
  });
  return markdownTable(["way", "jobs/s", "range", "×", "Node µs/job", "server µs/job"], rows);
}
