/**
 * How long jobs of 20 ms in one serial queue take when a process is idle and they are added
 * together: the sum of their own times is the limit.
 */

import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { addJobs, describeServer, emptyQueue, openBenchDatabase } from "./support/database.ts";
import { idleSides } from "./support/idle-sides.ts";
import { markdownTable, median } from "./support/statistics.ts";
import { takeTurns } from "./support/turns.ts";

const { values: flags } = parseArgs({ options: { rounds: { type: "string", default: "5" } } });
const jobs = 20;
const jobMs = 20;

const database = await openBenchDatabase();
const { admin, connectionString } = database;
const sides = idleSides(connectionString);
let ended = 0;
let allEnded = Promise.withResolvers<void>();
try {
  console.log(await describeServer(admin));
  const samples = await takeTurns({
    sides,
    blocks: Number(flags.rounds),
    handlers: { bench: runJob },
    prepare: () => emptyQueue(admin),
    sample: async () => [await measure()],
  });
  const rows = sides.map((side, index) => [
    side.name,
    median(samples[index] ?? []).toFixed(2),
    Math.max(...(samples[index] ?? [])).toFixed(2),
  ]);
  const limit = ((jobs * jobMs) / 1000).toFixed(2);
  const head = [`${jobs} × ${jobMs} ms in a serial queue`, "s, median", "s, longest"];
  console.log(`\n${markdownTable(head, [...rows, ["the jobs alone", limit, limit]])}\n`);
} finally {
  for (const side of sides) await side.close();
  await database.close();
}

async function runJob(): Promise<void> {
  await pause(jobMs);
  if (++ended === jobs) allEnded.resolve();
}

async function measure(): Promise<number> {
  ended = 0;
  allEnded = Promise.withResolvers();
  const addedAt = performance.now();
  await addJobs(admin, { task: "bench", count: jobs, queue: "one at a time" });
  await allEnded.promise;
  return (performance.now() - addedAt) / 1000;
}
