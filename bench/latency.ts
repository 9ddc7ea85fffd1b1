/**
 * How long an idle process takes from `add_job` being called to the handler being started, one
 * job after the other. The call itself is part of it, and shown alone in the last row.
 */

import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import pg from "pg";
import { describeServer, emptyQueue, openBenchDatabase, settleDown } from "./support/database.ts";
import { idleSides } from "./support/idle-sides.ts";
import { markdownTable, median, percentile } from "./support/statistics.ts";
import { takeTurns } from "./support/turns.ts";

interface Sample {
  readonly addMs: number;
  readonly startMs: number;
}

const { values: flags } = parseArgs({
  options: {
    samples: { type: "string", default: "1000" },
    block: { type: "string", default: "100" },
  },
});
const block = Number(flags.block);
// With jobs all the while: what a process does once, soon after it has started or when jobs begin
// to come, is done by then.
const warmUpMs = 3_000;
// Long enough for the job before to be settled: the process is idle again.
const gapMs = 15;

const database = await openBenchDatabase();
const { admin, connectionString } = database;
const adder = new pg.Client({ connectionString });
const sides = idleSides(connectionString);
let started = Promise.withResolvers<number>();
try {
  await adder.connect();
  console.log(await describeServer(admin));
  const samples = await takeTurns({
    sides,
    blocks: Math.ceil(Number(flags.samples) / block),
    handlers: { bench: () => started.resolve(performance.now()) },
    prepare: async () => {
      await emptyQueue(admin);
      await settleDown(admin);
    },
    sample: takeBlock,
  });
  console.log(summary(samples));
} finally {
  await adder.end();
  for (const side of sides) await side.close();
  await database.close();
}

async function takeBlock(): Promise<Sample[]> {
  const samples: Sample[] = [];
  const warmAtMs = performance.now() + warmUpMs;
  while (samples.length < block) {
    await pause(gapMs);
    const isWarm = performance.now() >= warmAtMs;
    const sample = await takeSample();
    if (isWarm) samples.push(sample);
  }
  return samples;
}

async function takeSample(): Promise<Sample> {
  started = Promise.withResolvers();
  const calledAt = performance.now();
  await adder.query(`select graphile_worker.add_job('bench', '{"n":1}')`);
  const addedAt = performance.now();
  const startedAt = await started.promise;
  return { addMs: addedAt - calledAt, startMs: startedAt - calledAt };
}

function summary(samples: readonly (readonly Sample[])[]): string {
  const base = median((samples[0] ?? []).map((each) => each.startMs));
  const row = (name: string, values: readonly number[]): string[] => [
    name,
    ...[0.5, 0.95, 0.99].map((share) => percentile(values, share).toFixed(2)),
    (median(values) / base).toFixed(2),
  ];
  const rows = sides.map((side, index) =>
    row(
      side.name,
      (samples[index] ?? []).map((each) => each.startMs),
    ),
  );
  const adds = samples.flat().map((each) => each.addMs);
  const head = ["add_job to handler", "p50 ms", "p95 ms", "p99 ms", "× p50"];
  return `\n${markdownTable(head, [...rows, row("add_job alone", adds)])}\n`;
}
