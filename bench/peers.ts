/**
 * The same queue full of jobs that do nothing, drained by what one would otherwise use: graphile-
 * worker with its defaults, pg-boss and BullMQ on Redis, each one process and 24 jobs at once where
 * there is such a setting. The two others are installed when they are first needed, see
 * `support/installed-peers.ts`; what can't be had is left out, with the reason.
 *
 * The rate is that from the first handler's start until all is written down. taskrun checks each
 * payload and keeps each output; pg-boss and BullMQ keep what has ended, too, by their defaults.
 */

import { cpus } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { z } from "zod";
import {
  addJobs,
  countJobs,
  describeServer,
  emptyQueue,
  openBenchDatabase,
  settleDown,
} from "./support/database.ts";
import { graphileWorkerSide } from "./support/graphile-worker-side.ts";
import { installPackage, startRedis } from "./support/installed-peers.ts";
import { openBullmq, openPgBoss, type Peer } from "./support/peer-queues.ts";
import type { Side } from "./support/side.ts";
import { markdownTable, median } from "./support/statistics.ts";
import { taskrunSide } from "./support/taskrun-side.ts";

const { values: flags } = parseArgs({
  options: {
    jobs: { type: "string", default: "30000" },
    rounds: { type: "string", default: "3" },
    batch: { type: "string", default: "1000" },
  },
});
const jobs = Number(flags.jobs);

const database = await openBenchDatabase();
const { connectionString, admin } = database;
const peers: Peer[] = [
  ofSide(
    taskrunSide({
      name: "taskrun",
      connectionString,
      concurrency: 24,
      payload: z.object({ n: z.int() }),
    }),
  ),
  ofSide(
    graphileWorkerSide({
      name: "graphile-worker, default settings",
      connectionString,
      settings: { concurrency: 24 },
    }),
  ),
];
try {
  console.log(await describeServer(admin));
  console.log(`Node ${process.versions.node}, ${cpus().length} cores, ${jobs} jobs a round`);
  await orSkip("pg-boss", async () => {
    const boss = await installPackage("pg-boss");
    peers.push(await openPgBoss(boss, connectionString, Number(flags.batch)));
    return boss.version;
  });
  await orSkip("BullMQ", async () => {
    const bull = await installPackage("bullmq", "ioredis");
    const client = await installPackage("ioredis");
    const redis = await startRedis();
    peers.push(openBullmq(bull, client, redis, "BullMQ, Redis with AOF"));
    return `${bull.version}, Redis ${redis.version}`;
  });
  const speeds = new Map(peers.map((peer): [Peer, number[]] => [peer, []]));
  for (let round = 0; round <= Number(flags.rounds); round += 1) {
    for (const peer of round % 2 ? peers : peers.toReversed()) {
      const speed = (jobs * 1000) / (await peer.drain(jobs));
      // The first round is the warm-up.
      if (round === 0) continue;
      speeds.get(peer)?.push(speed);
      console.log(`round ${round}  ${peer.name.padEnd(36)} ${speed.toFixed(0).padStart(7)} jobs/s`);
    }
  }
  console.log(`\n${table(speeds)}\n`);
} finally {
  for (const peer of peers) await peer.close();
  await database.close();
}

async function orSkip(name: string, open: () => Promise<string>): Promise<void> {
  try {
    console.log(`Versions: ${name} ${await open()}`);
  } catch (error) {
    const [why] = (error instanceof Error ? error.message : String(error)).split("\n");
    console.log(`Skipped: ${name}: ${why}`);
  }
}

function ofSide(side: Side): Peer {
  return {
    name: side.name,
    async drain(count) {
      await emptyQueue(admin);
      await addJobs(admin, { task: "bench", count, payload: { n: 1 } });
      await settleDown(admin);
      const allRan = Promise.withResolvers<void>();
      let ran = 0;
      let firstAt = 0;
      const running = await side.start({
        bench: () => {
          if (ran === 0) firstAt = performance.now();
          if (++ran === count) allRan.resolve();
          return { ok: true };
        },
      });
      await allRan.promise;
      // A stop of graphile-worker's may leave the last completions behind.
      while (!side.keepsHistory && (await countJobs(admin)) > 0) await pause(2);
      await running.settled();
      const tookMs = performance.now() - firstAt;
      const left = await countJobs(admin);
      if (left > 0) throw new Error(`${side.name} left ${left} jobs`);
      await running.stop();
      return tookMs;
    },
    close: () => side.close(),
  };
}

function table(speeds: ReadonlyMap<Peer, readonly number[]>): string {
  const [ours = []] = speeds.values();
  const rows = [...speeds].map(([{ name }, played]) => [
    name,
    median(played).toFixed(0),
    `${Math.min(...played).toFixed(0)}–${Math.max(...played).toFixed(0)}`,
    median(ours.map((speed, round) => speed / (played[round] ?? Number.NaN))).toFixed(2),
  ]);
  return markdownTable(["side", "jobs/s", "range", "taskrun ×"], rows);
}
