/**
 * How fast a queue full of jobs that do nothing is drained: the sides take turns in rounds, so
 * that whatever else the machine does hits them alike.
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
import type { Side } from "./support/side.ts";
import { markdownTable, median, pairedRatio } from "./support/statistics.ts";
import { taskrunSide } from "./support/taskrun-side.ts";

interface Round {
  readonly jobsPerSecond: number;
  readonly jobsPerSecondWithStart: number;
  /** User and system time of this process, microseconds for each job. */
  readonly cpuPerJobUs: number;
}

const { values: flags } = parseArgs({
  options: {
    jobs: { type: "string", default: "20000" },
    rounds: { type: "string", default: "5" },
    delay: { type: "string", default: "0" },
  },
});
const jobs = Number(flags.jobs);
const rounds = Number(flags.rounds);

const database = await openBenchDatabase();
const distant = await moveAway(database.connectionString, Number(flags.delay));
const sides = createSides(distant.connectionString);
try {
  console.log(await describeServer(database.admin));
  console.log(`Node ${process.versions.node}, ${cpus().length} cores, ${jobs} jobs a round`);
  console.log(`Round trip ${flags.delay === "0" ? "not delayed" : `delayed by ${flags.delay} ms`}`);
  for (const side of sides) await drain(database, side);
  const results = await playRounds();
  console.log(summary(results));
} finally {
  for (const side of sides) await side.close();
  await distant.close();
  await database.close();
}

function createSides(connectionString: string): Side[] {
  const graphileWorker = { connectionString, settings: fastestSettings };
  return [
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
}

async function playRounds(): Promise<Map<Side, Round[]>> {
  const results = new Map<Side, Round[]>(sides.map((side) => [side, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const [side, played] of results) {
      const result = await drain(database, side);
      played.push(result);
      const { jobsPerSecond, cpuPerJobUs } = result;
      console.log(
        `round ${round}  ${side.name.padEnd(32)} ${jobsPerSecond.toFixed(0).padStart(7)} jobs/s` +
          ` ${cpuPerJobUs.toFixed(1).padStart(6)} µs CPU/job`,
      );
    }
  }
  return results;
}

async function drain({ admin }: BenchDatabase, side: Side): Promise<Round> {
  await emptyQueue(admin);
  await addJobs(admin, { task: "bench", count: jobs, payload: { n: 1 } });
  await settleDown(admin);
  const allRan = Promise.withResolvers<void>();
  let ran = 0;
  let firstRanAt = 0;
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
  await refuseUnfinished(admin, side, ran);
  await running.stop();
  return {
    jobsPerSecond: (jobs * 1000) / (settledAt - firstRanAt),
    jobsPerSecondWithStart: (jobs * 1000) / (settledAt - startedAt),
    cpuPerJobUs: (cpu.user + cpu.system) / jobs,
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
  const ratio = (values: number[][], side: number): string =>
    pairedRatio(values[side] ?? [], values[0] ?? []).toFixed(2);
  const lines = [...results.keys()].map((side, index) => {
    const speed = speeds[index] ?? [];
    return [
      side.name,
      median(speed).toFixed(0),
      `${Math.min(...speed).toFixed(0)}–${Math.max(...speed).toFixed(0)}`,
      ratio(speeds, index),
      median(speedsWithStart[index] ?? []).toFixed(0),
      ratio(speedsWithStart, index),
      median(cpu[index] ?? []).toFixed(1),
    ];
  });
  const head = ["side", "jobs/s", "range", "×", "with start", "×", "µs of Node CPU per job"];
  return `\n${markdownTable(head, lines)}\n`;
}
