/**
 * What a job costs while much else is in the queue: 20,000 jobs of a queue with 30,000, against the
 * same with a crowd beside them, and against 20,000 of a million. Taskrun alone: its own queue with
 * nothing else in it is what each crowd is compared with, in the round they share.
 *
 * A round is measured up to the moment when the last of the 20,000 handlers has run: what was taken
 * ahead by then is paid for as well, on all sides alike.
 */

import { parseArgs } from "node:util";
import { type Crowd, crowds } from "./support/crowds.ts";
import {
  addJobs,
  describeServer,
  emptyQueue,
  openBenchDatabase,
  settleDown,
} from "./support/database.ts";
import { findServerCpu } from "./support/server-cpu.ts";
import { markdownTable, median, pairedRatio } from "./support/statistics.ts";
import { taskrunSide } from "./support/taskrun-side.ts";

const { values: flags } = parseArgs({
  options: {
    jobs: { type: "string", default: "20000" },
    rounds: { type: "string", default: "3" },
    crowd: { type: "string", default: "100000" },
    huge: { type: "string", default: "1000000" },
    only: { type: "string" },
  },
});
const jobs = Number(flags.jobs);
const rounds = Number(flags.rounds);
const beyond = jobs / 2;

interface Load extends Crowd {
  /** How many jobs that are due, of which `jobs` are run. */
  readonly due: number;
}

interface Round {
  readonly jobsPerSecond: number;
  /** User and system time of this process and of the server, microseconds for each job. */
  readonly cpuPerJobUs: number;
}

const alone: Load = {
  name: `nothing else, ${(jobs + beyond).toLocaleString("en")} jobs`,
  due: jobs + beyond,
  make: async () => {},
};
const huge = Number(flags.huge);
const loads: Load[] = [
  { name: `${huge.toLocaleString("en")} jobs`, due: huge, make: async () => {} },
  ...crowds(Number(flags.crowd)).map((crowd) => ({ ...crowd, due: jobs + beyond })),
].filter(({ name }) => !flags.only || name.includes(flags.only));

const database = await openBenchDatabase();
const serverCpu = await findServerCpu(database.admin);
const side = taskrunSide({
  name: "taskrun",
  connectionString: database.connectionString,
  concurrency: 24,
});
try {
  console.log(await describeServer(database.admin));
  await drain(alone);
  const rows: string[][] = [];
  for (const load of loads) rows.push(await compare(load));
  const head = ["beside them", "jobs/s", "alone", "×", "CPU µs/job", "alone", "×"];
  console.log(`\n${markdownTable(head, rows)}\n`);
} finally {
  await side.close();
  await database.close();
}

async function compare(load: Load): Promise<string[]> {
  const with_: Round[] = [];
  const without: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const each of round % 2 ? [alone, load] : [load, alone]) {
      (each === load ? with_ : without).push(await drain(each));
    }
  }
  const column = (played: Round[], key: keyof Round) => played.map((round) => round[key]);
  const row = [load.name];
  for (const [key, digits] of [
    ["jobsPerSecond", 0],
    ["cpuPerJobUs", 1],
  ] as const) {
    const [theirs, ours] = [column(without, key), column(with_, key)];
    row.push(median(ours).toFixed(digits), median(theirs).toFixed(digits));
    row.push(pairedRatio(ours, theirs).toFixed(2));
  }
  console.log(row.join("  "));
  return row;
}

async function drain(load: Load): Promise<Round> {
  await emptyQueue(database.admin);
  await addJobs(database.admin, { task: "bench", count: load.due, payload: { n: 1 } });
  const end = await load.make(database);
  await settleDown(database.admin);
  const allRan = Promise.withResolvers<void>();
  let ran = 0;
  let firstRanAt = 0;
  const cpuBefore = process.cpuUsage();
  const serverBefore = serverCpu?.() ?? Number.NaN;
  const running = await side.start({
    bench: () => {
      if (ran === 0) firstRanAt = performance.now();
      if (++ran === jobs) allRan.resolve();
      return { ok: true };
    },
  });
  await allRan.promise;
  const seconds = (performance.now() - firstRanAt) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const serverUs = (serverCpu?.() ?? Number.NaN) - serverBefore;
  await running.stop();
  await end?.();
  return {
    jobsPerSecond: jobs / seconds,
    cpuPerJobUs: (cpu.user + cpu.system + serverUs) / jobs,
  };
}
