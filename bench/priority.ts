/**
 * How long an urgent job waits while a process works through tens of thousands of less urgent
 * ones: from `add_job` being called to the urgent handler being started. Once more beside a serial
 * queue and a task of which two may run at once: what ran out of order or beyond that makes the
 * bench fail.
 */

import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import pg from "pg";
import {
  addJobs,
  describeServer,
  emptyQueue,
  openBenchDatabase,
  settleDown,
} from "./support/database.ts";
import { fastestSettings, graphileWorkerSide } from "./support/graphile-worker-side.ts";
import type { Side } from "./support/side.ts";
import { markdownTable, median } from "./support/statistics.ts";
import { taskrunSide } from "./support/taskrun-side.ts";
import { takeTurns } from "./support/turns.ts";

const { values: flags } = parseArgs({
  options: {
    waiting: { type: "string", default: "50000" },
    samples: { type: "string", default: "20" },
    /** Part of the sides' names. Default: all. */
    sides: { type: "string", default: "" },
  },
});
const waiting = Number(flags.waiting);
const samplesPerBlock = 4;
const concurrency = 24;

const database = await openBenchDatabase();
const { admin, connectionString } = database;
const adder = new pg.Client({ connectionString });
const limit = 2;
const ours = taskrunSide({
  name: "taskrun",
  connectionString,
  concurrency,
  limits: { few: limit },
});
const sides = [
  graphileWorkerSide({
    name: "graphile-worker, no local queue",
    connectionString,
    settings: { concurrency },
  }),
  graphileWorkerSide({
    name: "graphile-worker, fastest settings",
    connectionString,
    settings: fastestSettings,
  }),
  ours,
].filter(({ name }) => name.includes(flags.sides));
let ran = 0;
let urgentStarted = Promise.withResolvers<number>();
try {
  await adder.connect();
  console.log(await describeServer(admin));
  for (const lowMs of [0, 5]) console.log(await measure(sides, { lowMs }));
  console.log(await measure([ours], { lowMs: 0, besides: true }));
} finally {
  await adder.end();
  for (const side of sides) await side.close();
  await database.close();
}

interface Kind {
  /** How long a low job takes. */
  readonly lowMs: number;
  /** With jobs of a serial queue and of a limited task. */
  readonly besides?: boolean;
}

async function measure(measured: readonly Side[], { lowMs, besides = false }: Kind) {
  const line = { ran: 0, running: 0, last: 0, faults: 0 };
  const few = { ran: 0, running: 0, most: 0 };
  const samples = await takeTurns({
    sides: measured,
    blocks: Math.ceil(Number(flags.samples) / samplesPerBlock),
    handlers: {
      low: async () => {
        if (lowMs > 0) await pause(lowMs);
        ran++;
      },
      urgent: () => urgentStarted.resolve(performance.now()),
      line: async (payload) => {
        const { n } = payload as { n: number }; // why: it is added so below
        if (line.running++ > 0 || n !== line.last + 1) line.faults++;
        line.last = n;
        await pause(1);
        line.ran++;
        line.running--;
      },
      few: async () => {
        few.most = Math.max(few.most, ++few.running);
        await pause(1);
        few.ran++;
        few.running--;
      },
    },
    prepare: async () => {
      await emptyQueue(admin);
      await addJobs(admin, { task: "low", count: waiting, priority: 10 });
      if (besides) await addBesides();
      await settleDown(admin);
      ran = 0;
      line.last = 0;
    },
    sample: takeBlock,
  });
  if (line.faults > 0) throw new Error(`${line.faults} jobs of a serial queue ran out of order`);
  if (few.most > limit) throw new Error(`${few.most} jobs ran at once where ${limit} may`);
  const rows = measured.map((side, index) => {
    const values = samples[index] ?? [];
    return [
      besides ? `${side.name}, ${line.ran} serial and ${few.ran} limited jobs beside` : side.name,
      median(values).toFixed(1),
      Math.max(...values).toFixed(1),
      `${values.length}`,
    ];
  });
  const kind = lowMs === 0 ? "that do nothing" : `of ${lowMs} ms`;
  const head = [`urgent among ${waiting} jobs ${kind}`, "ms, median", "ms, longest", "samples"];
  return `\n${markdownTable(head, rows)}\n`;
}

/** More urgent than the low ones: they start among the first, the serial ones one by one. */
async function addBesides(): Promise<void> {
  await admin.query(
    `select count(*) from graphile_worker.add_jobs((
       select array_agg(row('line', json_build_object('n', n), 'line', now() + n * interval '1 us',
         null, null, 9, null)::graphile_worker.job_spec order by n)
       from generate_series(1, 2000) n))`,
  );
  await addJobs(admin, { task: "few", count: 2000, priority: 9 });
}

/** Stops early when fewer than half of the jobs wait: they would no longer be in the way. */
async function takeBlock(): Promise<number[]> {
  const samples: number[] = [];
  for (let next = 500; samples.length < samplesPerBlock && ran < waiting / 2; next = ran + 500) {
    while (ran < next) await pause(1);
    urgentStarted = Promise.withResolvers();
    const calledAt = performance.now();
    await adder.query("select graphile_worker.add_job('urgent', priority => -100)");
    samples.push((await urgentStarted.promise) - calledAt);
  }
  return samples;
}
