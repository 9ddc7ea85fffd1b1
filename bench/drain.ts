/**
 * How fast a queue full of jobs that do nothing is drained: the sides take turns in rounds, each
 * round in the opposite order of the one before, so that whatever else the machine does hits them
 * alike.
 *
 * A round ends when the last handler has run and every job is settled; if the queue isn't empty
 * then, or taskrun's history lacks an output, the run is void. It begins with the call that
 * starts the side ("with start", connections and migrations included) or, for the rate a long
 * queue would see, with the first handler.
 */

import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { z } from "zod";
import {
  addJobs,
  type BenchDatabase,
  countJobs,
  describeServer,
  emptyQueue,
  openBenchDatabase,
  settleDown,
} from "./support/database.ts";
import { moveAway } from "./support/distant-database.ts";
import { fastestSettings, graphileWorkerSide } from "./support/graphile-worker-side.ts";
import { openOtherCheckout } from "./support/other-checkout.ts";
import { findServerCpu, type ServerCpu } from "./support/server-cpu.ts";
import type { Side } from "./support/side.ts";
import { markdownTable, median, pairedRatio } from "./support/statistics.ts";
import { taskrunSide } from "./support/taskrun-side.ts";

interface Round {
  readonly jobsPerSecond: number;
  readonly jobsPerSecondWithStart: number;
  /** User and system time of this process, microseconds for each job. */
  readonly cpuPerJobUs: number;
  /** The same of the database's server; NaN when it can't be seen from here. */
  readonly serverCpuPerJobUs: number;
}

/** A side and the database it works on. */
interface Contender {
  readonly side: Side;
  readonly admin: BenchDatabase["admin"];
}

const { values: flags } = parseArgs({
  options: {
    jobs: { type: "string", default: "20000" },
    rounds: { type: "string", default: "5" },
    delay: { type: "string", default: "0" },
    sides: { type: "string" },
    against: { type: "string" },
    connected: { type: "boolean", default: false },
  },
});
const jobs = Number(flags.jobs);
const rounds = Number(flags.rounds);

const database = await openBenchDatabase();
const distant = await moveAway(database.connectionString, Number(flags.delay));
const other = flags.against ? await openOtherCheckout(database, flags.against) : null;
const serverCpu = await findServerCpu(database.admin);
const contenders = createContenders(distant.connectionString);
try {
  console.log(await describeServer(database.admin));
  console.log(`Node ${process.versions.node}, ${cpus().length} cores, ${jobs} jobs a round`);
  console.log(`Round trip ${flags.delay === "0" ? "not delayed" : `delayed by ${flags.delay} ms`}`);
  for (const contender of contenders) await drain(contender, serverCpu);
  const results = await playRounds();
  console.log(summary(results));
} finally {
  for (const { side } of contenders) await side.close();
  await other?.close();
  await distant.close();
  await database.close();
}

function createContenders(connectionString: string): Contender[] {
  const graphileWorker = {
    connectionString,
    settings: fastestSettings,
    staysConnected: flags.connected,
  };
  const sides = [
    graphileWorkerSide({ ...graphileWorker, name: "graphile-worker" }),
    graphileWorkerSide({ ...graphileWorker, name: "graphile-worker, two runners", runners: 2 }),
    taskrunSide({ name: "taskrun", connectionString, concurrency: 24 }),
    taskrunSide({
      name: "taskrun, zod payload",
      connectionString,
      concurrency: 24,
      payload: z.object({ n: z.int() }),
    }),
  ];
  const wanted = flags.sides?.split(";").map((name) => name.trim());
  const contenders = sides
    .filter((side) => wanted?.includes(side.name) ?? true)
    .map((side): Contender => ({ side, admin: database.admin }));
  return other === null ? contenders : [other, ...contenders];
}

async function playRounds(): Promise<Map<Side, Round[]>> {
  const results = new Map(contenders.map(({ side }): [Side, Round[]] => [side, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const contender of round % 2 ? contenders : contenders.toReversed()) {
      const { side } = contender;
      const result = await drain(contender, serverCpu);
      results.get(side)?.push(result);
      const { jobsPerSecond, cpuPerJobUs, serverCpuPerJobUs } = result;
      console.log(
        `round ${round}  ${side.name.padEnd(32)} ${jobsPerSecond.toFixed(0).padStart(7)} jobs/s` +
          ` ${cpuPerJobUs.toFixed(1).padStart(6)} + ${serverCpuPerJobUs.toFixed(1)} µs CPU/job`,
      );
    }
  }
  return results;
}

async function drain({ admin, side }: Contender, serverCpu: ServerCpu | null): Promise<Round> {
  await emptyQueue(admin);
  await addJobs(admin, { task: "bench", count: jobs, payload: { n: 1 } });
  await settleDown(admin);
  const allRan = Promise.withResolvers<void>();
  let ran = 0;
  let firstRanAt = 0;
  const serverBefore = serverCpu?.() ?? Number.NaN;
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const running = await side.start({
    bench: () => {
      if (ran === 0) firstRanAt = performance.now();
      if (++ran === jobs) allRan.resolve();
      return { ok: true };
    },
  });
  await allRan.promise;
  await running.settled();
  const settledAt = performance.now();
  const cpu = process.cpuUsage(cpuBefore);
  const serverUs = (serverCpu?.() ?? Number.NaN) - serverBefore;
  await refuseUnfinished(admin, side, ran);
  await running.stop();
  return {
    jobsPerSecond: (jobs * 1000) / (settledAt - firstRanAt),
    jobsPerSecondWithStart: (jobs * 1000) / (settledAt - startedAt),
    cpuPerJobUs: (cpu.user + cpu.system) / jobs,
    serverCpuPerJobUs: serverUs / jobs,
  };
}

async function refuseUnfinished(admin: BenchDatabase["admin"], side: Side, ran: number) {
  const left = await countJobs(admin);
  if (left !== 0 || ran !== jobs) {
    throw new Error(`${side.name} ran ${ran} of ${jobs} jobs and left ${left} in the queue`);
  }
  if (!side.keepsHistory) return;
  const { rows } = await admin.query(`
    select count(*)::int as count from taskrun.history
    where state = 'completed' and output->>'ok' = 'true'`);
  if (rows[0].count !== jobs) {
    throw new Error(`${side.name} kept ${rows[0].count} outputs of ${jobs} jobs`);
  }
}

function summary(results: ReadonlyMap<Side, readonly Round[]>): string {
  const column = (read: (round: Round) => number): number[][] =>
    [...results.values()].map((played) => played.map(read));
  const speeds = column((round) => round.jobsPerSecond);
  const speedsWithStart = column((round) => round.jobsPerSecondWithStart);
  const cpu = column((round) => round.cpuPerJobUs);
  const serverCpu = column((round) => round.serverCpuPerJobUs);
  const names = [...results.keys()].map((side) => side.name);
  const ratio = (values: number[][], side: number, base: number): string =>
    pairedRatio(values[side] ?? [], values[base] ?? []).toFixed(2);
  // The best of those that keep no history: what one would otherwise use.
  const rivals = [...results.keys()].flatMap(({ keepsHistory }, at) => (keepsHistory ? [] : [at]));
  const speedOf = (at: number) => median(speeds[at] ?? []);
  const [best] = rivals.sort((a, b) => speedOf(b) - speedOf(a));
  const lines = names.map((name, index) => {
    const speed = speeds[index] ?? [];
    return [
      name,
      median(speed).toFixed(0),
      `${Math.min(...speed).toFixed(0)}–${Math.max(...speed).toFixed(0)}`,
      ratio(speeds, index, 0),
      best === undefined ? "" : ratio(speeds, index, best),
      median(speedsWithStart[index] ?? []).toFixed(0),
      ratio(speedsWithStart, index, 0),
      median(cpu[index] ?? []).toFixed(1),
      median(serverCpu[index] ?? []).toFixed(1),
    ];
  });
  const bestName = best === undefined ? "" : `× ${names[best]}`;
  const head = ["side", "jobs/s", "range", "× first", bestName, "with start", "× first"];
  return `\n${markdownTable([...head, "Node µs/job", "server µs/job"], lines)}\n`;
}
