/**
 * What a job costs while much else is in the queue: in a queue of a million, and beside a crowd of
 * each kind, against a queue of 10,000 with nothing beside it. taskrun alone.
 *
 * Jobs come in waves to a process that is idle; the server has vacuumed and written down what there
 * is before they start. A wave is measured between two of its jobs, when
 * fetching has found its pace and before the wave thins out; so neither the start nor the end of a
 * process counts. The yardstick is processor time, the process's and the server's: the clock tells
 * more about what else the machine does. The queue of 10,000 is measured again between all others;
 * each is compared with the two measurements around it.
 */

import { parseArgs } from "node:util";
import { migrate } from "../src/store/migrate.ts";
import { type CountingFleet, type Mark, startApart, startHere } from "./support/counting-fleet.ts";
import { type Crowd, crowds } from "./support/crowds.ts";
import {
  type BenchDatabase,
  describeServer,
  emptyQueue,
  openBenchDatabase,
  settleDown,
} from "./support/database.ts";
import { addDueJobs, type DueJobs } from "./support/due-jobs.ts";
import { findServerCpu } from "./support/server-cpu.ts";
import { markdownTable, median } from "./support/statistics.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    waves: { type: "string", default: "5" },
    crowd: { type: "string", default: "100000" },
    huge: { type: "string", default: "1000000" },
    history: { type: "string", default: "1000000" },
    processes: { type: "string", default: "8" },
    /** After how many loads the queue of 10,000 is measured again. */
    apart: { type: "string", default: "1" },
    /** Keys of loads: "huge,foreign". Default: all but "together" and "serial". */
    loads: { type: "string" },
    /** Runs the huge queue to its end, and tells what its jobs cost on the way. */
    whole: { type: "boolean", default: false },
  },
});
const [waves, huge] = [Number(flags.waves), Number(flags.huge)];

interface Load {
  readonly key: string;
  readonly name: string;
  readonly crowds?: readonly Crowd[];
  /** Default: 10,000, of one task and without a serial queue. */
  readonly due?: DueJobs;
  /** Default: 1. */
  readonly processes?: number;
}

/** What one job cost, by the median of several pieces. */
interface Cost {
  /** Of the processes and of the server, microseconds. */
  readonly cpuUs: number;
  /** The server's share of it. */
  readonly serverUs: number;
  readonly jobsPerSecond: number;
}

const waveJobs = 10_000;
// Within a wave: fetching has found its pace by the first, and has not come to the end by the last.
const from = 0.2;
const to = 0.8;
// A process of its own has compiled nothing yet.
const warmUpJobs = 20_000;

const database = await openBenchDatabase();
const serverCpu = await findServerCpu(database.admin);
try {
  await migrate(database.connectionString, { schema: "graphile_worker" });
  console.log(await describeServer(database.admin));
  await measure(alone());
  console.log(`\n${summary(await playRounds(chosenLoads()))}\n`);
} finally {
  await database.close();
}

function alone(): Load {
  return { key: "alone", name: `${waveJobs.toLocaleString("en")} jobs` };
}

function chosenLoads(): Load[] {
  const sizes = { jobs: Number(flags.crowd), history: Number(flags.history) };
  const all = crowds(sizes);
  const processes = Number(flags.processes);
  const loads: Load[] = [
    { key: "huge", name: `${huge.toLocaleString("en")} jobs`, due: { count: huge } },
    ...all.map((crowd): Load => ({ key: crowd.key, name: crowd.name, crowds: [crowd] })),
    { key: "tasks", name: "jobs of 1,000 tasks", due: { count: waveJobs, tasks: 1000 } },
    { key: "processes", name: `${processes} processes`, processes },
    {
      key: "serial",
      name: "jobs in 10,000 serial queues",
      due: { count: waveJobs, queues: 10_000 },
    },
    {
      key: "together",
      name: `all of these, ${huge.toLocaleString("en")} jobs of 1,000 tasks`,
      crowds: all,
      due: { count: huge, tasks: 1000 },
    },
  ];
  const wanted = flags.loads?.split(",");
  const unknown = wanted?.find((key) => !loads.some((load) => load.key === key));
  if (unknown) throw new Error(`there is no load "${unknown}": ${loads.map(({ key }) => key)}`);
  return loads.filter(({ key }) => wanted?.includes(key) ?? !["together", "serial"].includes(key));
}

interface Pair {
  readonly load: Cost;
  readonly alone: Cost;
}

async function playRounds(loads: readonly Load[]): Promise<Map<Load, Pair[]>> {
  const pairs = new Map(loads.map((load): [Load, Pair[]] => [load, []]));
  const apart = Number(flags.apart);
  let before = await measure(alone());
  for (let round = 1; round <= Number(flags.rounds); round++) {
    const order = round % 2 ? loads : loads.toReversed();
    for (let first = 0; first < order.length; first += apart) {
      const costs: [Load, Cost][] = [];
      for (const load of order.slice(first, first + apart)) costs.push([load, await measure(load)]);
      const after = await measure(alone());
      const around = mean(before, after);
      before = after;
      for (const [load, cost] of costs) {
        pairs.get(load)?.push({ load: cost, alone: around });
        const name = load.name.padEnd(48);
        console.log(`round ${round}  ${name} ${told(cost)}, alone ${told(around)}`);
      }
    }
  }
  return pairs;
}

/** The processes' time, the server's, and the pace. */
function told({ cpuUs, serverUs, jobsPerSecond }: Cost): string {
  const parts = `${(cpuUs - serverUs).toFixed(1)} + ${serverUs.toFixed(1)} µs/job`;
  return `${parts} at ${jobsPerSecond.toFixed(0)} jobs/s`;
}

function mean(a: Cost, b: Cost): Cost {
  return {
    cpuUs: (a.cpuUs + b.cpuUs) / 2,
    serverUs: (a.serverUs + b.serverUs) / 2,
    jobsPerSecond: (a.jobsPerSecond + b.jobsPerSecond) / 2,
  };
}

async function measure(load: Load): Promise<Cost> {
  const { admin, connectionString } = database;
  const { due = { count: waveJobs }, processes = 1 } = load;
  await emptyQueue(admin);
  const ends = await makeCrowds(database, load);
  await settleDown(admin);
  const options = { connectionString, tasks: due.tasks ?? 1, serverCpu };
  const fleet = await (processes === 1 ? startHere(options) : startApart(processes, options));
  try {
    if (due.count > waveJobs) return await runPart(fleet, due);
    // As much for each process as one has in a wave.
    const one = { ...due, count: waveJobs * processes };
    if (processes > 1) await runWave(fleet, { ...one, count: warmUpJobs * processes }, 0);
    const costs: Cost[] = [];
    let ran = processes > 1 ? warmUpJobs * processes : 0;
    for (let wave = 0; wave < waves; wave++) {
      costs.push(await runWave(fleet, one, ran));
      ran += one.count;
    }
    return medianOf(costs);
  } finally {
    await fleet.stop();
    for (const end of ends) await end();
  }
}

async function makeCrowds(database: BenchDatabase, load: Load): Promise<(() => Promise<void>)[]> {
  const ends: (() => Promise<void>)[] = [];
  for (const crowd of load.crowds ?? []) {
    const end = await crowd.make(database);
    if (end) ends.push(end);
  }
  return ends;
}

/** A queue that is drained and filled again. `ran`: how many have run before. */
async function runWave(fleet: CountingFleet, due: DueJobs, ran: number): Promise<Cost> {
  const begun = await beginAt(fleet, due, ran + due.count * from);
  const ended = await fleet.reached(ran + due.count * to);
  await fleet.reached(ran + due.count);
  await fleet.settle();
  return costBetween(begun, ended);
}

/** What adding the jobs leaves to do for the server is done before the first of them starts. */
async function beginAt(fleet: CountingFleet, due: DueJobs, ran: number): Promise<Mark> {
  await fleet.pause();
  await addDueJobs(database.admin, due);
  await settleDown(database.admin);
  const begin = fleet.reached(ran);
  await fleet.resume();
  return begin;
}

/** Of a huge queue three pieces for each wave, since it need not be filled again; or all of it. */
async function runPart(fleet: CountingFleet, due: DueJobs): Promise<Cost> {
  const step = waveJobs * (to - from);
  const costs: Cost[] = [];
  let before = await beginAt(fleet, due, waveJobs * from);
  for (let piece = 1; piece <= waves * 3; piece++) {
    const mark = await fleet.reached(before.ran + step);
    costs.push(costBetween(before, mark));
    before = mark;
  }
  if (flags.whole) await runToEnd(fleet, { due, first: before });
  return medianOf(costs);
}

async function runToEnd(
  fleet: CountingFleet,
  { due, first }: { readonly due: DueJobs; readonly first: Mark },
): Promise<void> {
  const step = Math.floor((due.count - first.ran) / 10);
  let before = first;
  for (let piece = 1; piece <= 10; piece++) {
    const mark = await fleet.reached(before.ran + step);
    const ran = mark.ran.toLocaleString("en").padStart(9);
    console.log(`  up to ${ran}: ${told(costBetween(before, mark))}`);
    before = mark;
  }
}

function costBetween(begun: Mark, ended: Mark): Cost {
  const ran = ended.ran - begun.ran;
  const serverUs = (ended.serverUs - begun.serverUs) / ran;
  return {
    cpuUs: (ended.clientUs - begun.clientUs) / ran + serverUs,
    serverUs,
    jobsPerSecond: (ran * 1000) / (ended.atMs - begun.atMs),
  };
}

function medianOf(costs: readonly Cost[]): Cost {
  return {
    cpuUs: median(costs.map(({ cpuUs }) => cpuUs)),
    serverUs: median(costs.map(({ serverUs }) => serverUs)),
    jobsPerSecond: median(costs.map(({ jobsPerSecond }) => jobsPerSecond)),
  };
}

function summary(pairs: ReadonlyMap<Load, readonly Pair[]>): string {
  const ratio = (played: readonly Pair[], key: keyof Cost): number =>
    median(played.map((pair) => pair.load[key] / pair.alone[key]));
  const rows = [...pairs].map(([load, played]) => {
    const row = [load.name];
    for (const key of ["cpuUs", "jobsPerSecond"] as const) {
      const digits = key === "cpuUs" ? 1 : 0;
      row.push(
        median(played.map((pair) => pair.load[key])).toFixed(digits),
        median(played.map((pair) => pair.alone[key])).toFixed(digits),
        ratio(played, key).toFixed(2),
      );
    }
    return row;
  });
  const others = [...pairs].filter(([{ key }]) => key !== "huge" && key !== "processes");
  if (others.length > 0) {
    const dearest = Math.max(...others.map(([, played]) => ratio(played, "cpuUs")));
    rows.push(["the dearest crowd", "", "", dearest.toFixed(2), "", "", ""]);
  }
  const head = ["", "CPU µs/job", "of 10,000 alone", "×", "jobs/s", "of 10,000 alone", "× jobs/s"];
  return markdownTable(head, rows);
}
