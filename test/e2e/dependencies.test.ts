import pg from "pg";
import { describe, expect, test } from "vitest";
import { createClient } from "../../src/client/create-client.ts";
import type { TaskContext } from "../../src/core/context.ts";
import { migrate } from "../../src/store/migrate.ts";
import { pause } from "../../src/store/transient.ts";
import { addGraph, endsOf, nodeTask, randomGraph } from "../support/dependency-graph.ts";
import { RunningCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { testRuntime } from "../support/test-runtime.ts";

type Db = Pick<pg.Pool, "query">;

/** The state of each job, when none is on its way any more. */
async function endStates(db: Db, ids: readonly string[]): Promise<unknown[]> {
  for (;;) {
    const { rows } = await db.query(
      `select id, state from unnest($1::bigint[]) with ordinality as asked (id, place)
       left join taskrun.jobs using (id) order by place`,
      [ids],
    );
    const ended = ["completed", "failed", "cancelled"];
    if (rows.every(({ state }) => ended.includes(state))) return rows.map(({ state }) => state);
    await pause(100);
  }
}

async function blockedLeft(db: Db): Promise<unknown> {
  const { rows } = await db.query(
    `select (select count(*)::int from taskrun.dependencies) as dependencies,
       (select count(*)::int from taskrun.job_details where blocked_run_at is not null) as blocked`,
  );
  return rows[0];
}

const graphSize = { layers: 20, width: 25 };

describe("a graph of 500 jobs in 20 layers, with failures and mixed policies,", () => {
  for (const seed of [1, 2, 3]) {
    test(`ends as it must, on three processes, with nothing left blocked (seed ${seed})`, async () => {
      const node = {
        retry: { strategy: "fixed", baseDelay: "10ms", jitter: 0 },
        handler: async ({ fate }: { fate: string }, ctx: TaskContext) => {
          if (fate === "fails") throw new Error("PERMANENT: as it must");
          if (fate === "cancels") return ctx.cancel("as it must");
          if (fate === "retries" && ctx.lastError === null) throw new Error("once more");
          return { ran: ctx.jobId };
        },
      };
      await using kit = await testRuntime({ node }, { concurrency: 5, pollIntervalMs: 500 });
      const runtimes = [kit.createRuntime(), kit.createRuntime(), kit.createRuntime()];
      await Promise.all(runtimes.map((runtime) => runtime.start()));
      try {
        const graph = randomGraph({ ...graphSize, seed });
        const ids = await addGraph(graph, graphSize.width, kit.enqueue);
        expect(await endStates(kit.db, ids)).toEqual(endsOf(graph));
        expect(await blockedLeft(kit.db)).toEqual({ dependencies: 0, blocked: 0 });
      } finally {
        await Promise.all(runtimes.map((runtime) => runtime.stop()));
      }
    }, 480_000);
  }

  test("ends as it must when the processes that run it are killed, one after the other", async () => {
    const database = await createTestDatabase();
    await migrate(database.url, { schema: "graphile_worker" });
    const db = new pg.Pool({ connectionString: database.url, max: 4 });
    await using project = await TaskProject.of({ "tasks/node.ts": nodeTask });
    const env = { DATABASE_URL: database.url, TASKRUN_LOG_LEVEL: "error" };
    const args = ["run", "--heartbeat-interval", "500ms", "--concurrency", "4"];
    const start = () => new RunningCli(args, { cwd: project.dir, env });

    await using client = createClient({ connectionString: database.url, tasks: false });
    const graph = randomGraph({ ...graphSize, seed: 4 });
    const ids = await addGraph(graph, graphSize.width, client.enqueue);
    const finished = async () => {
      const { rows } = await db.query("select count(*)::int as n from taskrun.history");
      return rows[0].n;
    };
    let next = start();
    for (let kill = 1; kill <= 5; kill++) {
      const victim = next;
      next = start();
      const before = await finished();
      while ((await finished()) < Math.min(before + 40, kill * 60)) await pause(20);
      victim.kill("SIGKILL");
      await victim.ended;
    }
    await using last = next;
    expect(await endStates(db, ids)).toEqual(endsOf(graph));
    expect(await blockedLeft(db)).toEqual({ dependencies: 0, blocked: 0 });
    last.kill("SIGTERM");
    expect((await last.ended).code).toBe(0);
    await db.end();
    await database.drop();
  }, 480_000);
});

describe("a client", () => {
  test("queues jobs that wait for each other, and waits for the last", async () => {
    const childAdded = Promise.withResolvers<void>();
    const add = async ({ n }: { n: number }) => {
      if (n === 1) await childAdded.promise;
      return { n };
    };
    await using kit = await testRuntime({ add }, { pollIntervalMs: 500 });
    const runtime = kit.createRuntime();
    await runtime.start();
    await using client = createClient({ connectionString: kit.connectionString, tasks: false });
    try {
      const first = await client.enqueue("add", { n: 1 });
      const child = await client.enqueue("add", { n: 2 }, { after: [first.id] });
      expect((await kit.job(child.id))?.state).toBe("blocked");
      childAdded.resolve();
      expect(await client.wait(child, { timeout: "2m" })).toEqual({ n: 2 });
      const [one, two] = [await kit.job(first.id), await kit.job(child.id)];
      expect(two?.started_at?.getTime()).toBeGreaterThanOrEqual(one?.finished_at?.getTime() ?? 0);
    } finally {
      childAdded.resolve();
      await runtime.stop();
    }
  });

  test("hears that its job was cancelled because the one before it failed", async () => {
    const fail = async () => {
      throw new Error("PERMANENT: no");
    };
    await using kit = await testRuntime({ fail });
    await using client = createClient({ connectionString: kit.connectionString, tasks: false });
    const first = await client.enqueue("fail");
    const [child] = await client.enqueueMany([{ task: "fail", after: [first.id] }]);
    if (child === undefined) throw new Error("one job was queued");
    await kit.drain();
    await expect(client.wait(child)).rejects.toMatchObject({
      code: "job-cancelled",
      message: expect.stringContaining(`cancelled because job ${first.id} (fail) failed`),
    });
  });
});
