import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  resetEmbeddedPostgres,
  restartEmbeddedPostgres,
  startEmbeddedPostgres,
} from "../../src/dev/embedded-postgres.ts";
import { createTestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addManyBySql, countLocks, signal } from "../support/test-runtime.ts";

let dataDir: string;
let server: Awaited<ReturnType<typeof startEmbeddedPostgres>>;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "taskrun-restart-"));
  // Durable: a server that forgets what it has confirmed would prove nothing.
  server = await startEmbeddedPostgres({ dataDir });
});
afterAll(async () => {
  await server.stop();
  await resetEmbeddedPostgres(dataDir);
  await rm(dataDir, { recursive: true, force: true });
});

describe.each(["fast", "immediate"] as const)("a %s restart of Postgres", (mode) => {
  test("under 50 running jobs loses none, doubles none, and the process goes on", async () => {
    const running = signal();
    const away = signal();
    const restarted = signal();
    const runs = new Map<number, number>();
    const kit = await createTestRuntime({
      server: server.superuserUrl,
      owner: server.url,
      config: { concurrency: 50, pollIntervalMs: 100 },
      tasks: {
        work: async ({ n }: { n: number }) => {
          runs.set(n, (runs.get(n) ?? 0) + 1);
          if (runs.size === 50) running.resolve();
          // Half end while the server is away, half after it is back.
          await (n % 2 === 0 ? restarted : away).promise;
          await new Promise((resolve) => setTimeout(resolve, 200));
          return n;
        },
      },
    });
    const runtime = kit.createRuntime();
    runtime.events.once("database:waiting", () => away.resolve());
    await addManyBySql(kit, "work", 100);
    await runtime.start();
    await running.promise;
    await restartEmbeddedPostgres(dataDir, mode);
    away.resolve();
    restarted.resolve();
    await runtime.drain();
    await runtime.stop();
    const { rows } = await kit.db.query(
      "select count(*)::int as n, count(distinct output::text)::int as outputs, max(attempts) as attempts from taskrun.jobs where state = 'completed'",
    );
    expect(rows).toEqual([{ n: 100, outputs: 100, attempts: 1 }]);
    expect([...runs.values()].every((count) => count === 1)).toBe(true);
    expect(await countLocks(kit)).toBe(0);
    await kit.stop();
  });
});
