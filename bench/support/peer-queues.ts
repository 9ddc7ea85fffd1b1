/**
 * pg-boss and BullMQ as the benches drive them: filled beforehand, then drained as fast as their
 * public interface allows. They are installed at run time, so their types are the few lines that
 * are used of them.
 */

import type { InstalledPackage, Redis } from "./installed-peers.ts";

export interface Peer {
  readonly name: string;
  /** Queues so many jobs that do nothing; ms from the first handler to the last record. */
  drain(count: number): Promise<number>;
  close(): Promise<void>;
}

const queueName = "bench";
const insertedAtOnce = 5_000;

interface PgBoss {
  start(): Promise<unknown>;
  stop(options: object): Promise<unknown>;
  on(event: "error", listener: () => void): void;
  createQueue(name: string): Promise<unknown>;
  deleteAllJobs(name: string): Promise<unknown>;
  insert(name: string, jobs: readonly object[]): Promise<unknown>;
  fetch(name: string, options: object): Promise<readonly { id: string; data: unknown }[]>;
  complete(name: string, ids: readonly string[], data: object): Promise<unknown>;
}

/** Two loops of fetching and completing: its worker waits half a second between batches. */
export async function openPgBoss(
  { exports }: InstalledPackage,
  connectionString: string,
  batch: number,
): Promise<Peer> {
  // why: what this version exports; a newer one that doesn't is skipped by the error
  const Boss = (exports.PgBoss ?? exports.default) as new (options: object) => PgBoss;
  const boss = new Boss({ connectionString, supervise: false, schedule: false });
  boss.on("error", () => {});
  await boss.start();
  await boss.createQueue(queueName);
  return {
    name: `pg-boss, batches of ${batch}`,
    async drain(count) {
      await boss.deleteAllJobs(queueName);
      await inPieces(count, (data) =>
        boss.insert(
          queueName,
          data.map((each) => ({ data: each })),
        ),
      );
      let done = 0;
      const startedAt = performance.now();
      const loop = async () => {
        while (done < count) {
          const jobs = await boss.fetch(queueName, { batchSize: batch });
          if (jobs.length === 0) return;
          await boss.complete(
            queueName,
            jobs.map(({ id }) => id),
            { ok: true },
          );
          done += jobs.length;
        }
      };
      await Promise.all([loop(), loop()]);
      if (done !== count) throw new Error(`pg-boss ran ${done} of ${count} jobs`);
      return performance.now() - startedAt;
    },
    close: async () => void (await boss.stop({ graceful: false })),
  };
}

interface BullQueue {
  addBulk(jobs: readonly object[]): Promise<unknown>;
  obliterate(options: object): Promise<unknown>;
  close(): Promise<unknown>;
}

interface BullWorker {
  on(event: "completed" | "error", listener: () => void): void;
  run(): Promise<unknown>;
  close(): Promise<unknown>;
}

interface RedisClient {
  disconnect(): void;
}

export function openBullmq(
  { exports }: InstalledPackage,
  ioredis: InstalledPackage,
  redis: Redis,
  name: string,
): Peer {
  // why: what this version exports; a newer one that doesn't is skipped by the error
  const { Queue, Worker } = exports as {
    Queue: new (name: string, options: object) => BullQueue;
    Worker: new (name: string, run: () => Promise<unknown>, options: object) => BullWorker;
  };
  // why: as above
  const Client = ioredis.exports.Redis as new (port: number, options: object) => RedisClient;
  const connection = new Client(redis.port, { maxRetriesPerRequest: null });
  const queue = new Queue(queueName, { connection });
  return {
    name,
    async drain(count) {
      await queue.obliterate({ force: true });
      await inPieces(count, (data) =>
        queue.addBulk(data.map((each) => ({ name: queueName, data: each }))),
      );
      let startedAt = 0;
      let done = 0;
      const all = Promise.withResolvers<void>();
      const run = async () => {
        if (startedAt === 0) startedAt = performance.now();
        return { ok: true };
      };
      const worker = new Worker(queueName, run, { connection, concurrency: 24, autorun: false });
      worker.on("error", () => {});
      worker.on("completed", () => {
        if (++done === count) all.resolve();
      });
      const running = worker.run();
      await all.promise;
      const tookMs = performance.now() - startedAt;
      await worker.close();
      await running;
      return tookMs;
    },
    async close() {
      await queue.close();
      connection.disconnect();
      await redis.close();
    },
  };
}

async function inPieces(count: number, add: (data: object[]) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += insertedAtOnce) {
    const piece = Array.from({ length: Math.min(insertedAtOnce, count - from) }, (_, n) => ({
      n: from + n,
    }));
    await add(piece);
  }
}
