/**
 * How long an urgent job waits while a process works through tens of thousands of less urgent
 * ones: from `add_job` being called to the urgent handler being started.
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
  taskrunSide({ name: "taskrun", connectionString, concurrency }),
].filter(({ name }) => name.includes(flags.sides));
let ran = 0;
let urgentStarted = Promise.withResolvers<number>();
try {
  await adder.connect();
  console.log(await describeServer(admin));
  for (const lowMs of [0, 5]) console.log(await measure(lowMs));
} finally {
  await adder.end();
  for (const side of sides) await side.close();
  await database.close();
}

async function measure(lowMs: number): Promise<string> {
  const samples = await takeTurns({
    sides,
    blocks: Math.ceil(Number(flags.samples) / samplesPerBlock),
    handlers: {
      low: async () => {
        if (lowMs > 0) await pause(lowMs);
        ran++;
      },
      urgent: () => urgentStarted.resolve(performance.now()),
    },
    prepare: async () => {
      await emptyQueue(admin);
      await addJobs(admin, { task: "low", count: waiting, priority: 10 });
      await settleDown(admin);
      ran = 0;
    },
    sample: takeBlock,
  });
  const rows = sides.map((side, index) => {
    const values = samples[index] ?? [];
    return [
      side.name,
      median(values).toFixed(1),
      Math.max(...values).toFixed(1),
      `${values.length}`,
    ];
  });
  const kind = lowMs === 0 ? "that do nothing" : `of ${lowMs} ms`;
  const head = [`urgent among ${waiting} jobs ${kind}`, "ms, median", "ms, longest", "samples"];
  return `\n${markdownTable(head, rows)}\n`;
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
