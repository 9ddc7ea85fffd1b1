import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migrate } from "../../../src/store/migrate.ts";
import {
  checkQueueContract,
  newestKnownMigration,
  queueExists,
  unknownMigrations,
} from "../../../src/store/queue/contract.ts";
import { settleCompleted } from "../../../src/store/queue/settle.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import { completed, type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

async function withClient<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(q.kit.connectionString);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

test("the queue's own schema is accepted; one where nothing is, is seen to be empty", async () => {
  await withClient(async (client) => {
    await checkQueueContract(client, q.schemas);
    expect(await queueExists(client, q.schemas)).toBe(true);
    expect(await queueExists(client, schemasFor("elsewhere"))).toBe(false);
    await expect(checkQueueContract(client, schemasFor("elsewhere"))).rejects.toMatchObject({
      code: "queue-incompatible",
      message: expect.stringContaining("_private_tasks.identifier"),
    });
  });
});

test("every missing column is named", async () => {
  await q.db.query("alter table graphile_worker._private_jobs rename column key to k");
  await q.db.query("alter table graphile_worker._private_tasks rename column identifier to name");
  await withClient(async (client) => {
    await expect(checkQueueContract(client, q.schemas)).rejects.toMatchObject({
      message: expect.stringMatching(/lacks _private_jobs\.key, _private_tasks\.identifier/),
    });
  });
});

/** A fact of graphile-worker's private parts, and what of ours stands on it. */
async function relyOn(sentence: string, found: unknown, expected: unknown): Promise<void> {
  expect(found, `graphile-worker has changed: ${sentence}`).toEqual(expected);
}

describe("what we rely on in graphile-worker 0.18", () => {
  test("a job is available while it is unlocked and has attempts left", async () => {
    const id = await q.add({ max_attempts: 2 });
    const isAvailable = async (change: string) => {
      await q.db.query(`update graphile_worker._private_jobs set ${change}`);
      return (await q.row(id))?.is_available;
    };
    const found = [
      await isAvailable("attempts = 1"),
      await isAvailable("locked_at = now()"),
      await isAvailable("locked_at = null"),
      await isAvailable("attempts = 2"),
    ];
    await relyOn("is_available decides what we fetch", found, [true, false, true, false]);
  });

  test("a serial queue is available while it is unlocked", async () => {
    await q.add({ queue: "line" });
    const availability = async () => {
      const sql = "select is_available from graphile_worker._private_job_queues";
      return (await q.db.query(sql)).rows[0].is_available;
    };
    const before = await availability();
    await q.take("p");
    await relyOn(
      "our fetch goes by the queue's is_available",
      [before, await availability()],
      [true, false],
    );
  });

  test("replacing a running job's key makes a new job and lets go of the old one", async () => {
    const old = await q.add({ key: "k", max_attempts: 3 });
    await q.take("p");
    const successor = await q.add({ key: "k" });
    const row = await q.row(old);
    await relyOn(
      "a job whose key was taken over is known by its cleared key",
      { key: row?.key, attempts: row?.attempts, lockedBy: row?.locked_by, same: old === successor },
      { key: null, attempts: 3, lockedBy: "p", same: false },
    );
  });

  test("removing a running job by its key does the same", async () => {
    const id = await q.add({ key: "k", max_attempts: 3 });
    await q.take("p");
    await q.db.query("select graphile_worker.remove_job('k')");
    const row = await q.row(id);
    await relyOn(
      "as above",
      { key: row?.key, attempts: row?.attempts },
      { key: null, attempts: 3 },
    );
  });

  test("its admin functions leave locked jobs alone", async () => {
    const id = await q.add();
    await q.take("p");
    const counts: number[] = [];
    for (const call of [
      "complete_jobs(array[$1::bigint])",
      "permanently_fail_jobs(array[$1::bigint], 'x')",
      "reschedule_jobs(array[$1::bigint], attempts := 0)",
    ]) {
      counts.push((await q.db.query(`select * from graphile_worker.${call}`, [id])).rowCount ?? -1);
    }
    await relyOn("nobody settles a job that we run", counts, [0, 0, 0]);
  });

  test("force_unlock_workers frees jobs and queues by the id in locked_by", async () => {
    const id = await q.add({ queue: "line" });
    await q.take("p");
    await q.db.query("select graphile_worker.force_unlock_workers(array['p'])");
    await relyOn(
      "an operator's unlock makes our outcome a lost one",
      { lockedBy: (await q.row(id))?.locked_by, queues: await q.lockedQueues() },
      { lockedBy: null, queues: [] },
    );
  });

  test("an added job is notified on the channel that we listen to", async () => {
    const heard = await withClient(async (client) => {
      const channels: string[] = [];
      client.on("notification", ({ channel }) => channels.push(channel));
      await client.query('listen "jobs:insert"');
      await q.add();
      await client.query("select 1");
      return channels;
    });
    await relyOn("a job starts at once because of it", heard, ["jobs:insert"]);
  });

  test("its indexes hold what our fetch reads", async () => {
    const { rows } = await q.db.query(
      `select indexname from pg_indexes where schemaname = 'graphile_worker'
       and indexname in ('jobs_main_index', 'jobs_no_queue_index') order by 1`,
    );
    await relyOn(
      "a fetch walks jobs_no_queue_index",
      rows.map((row) => row.indexname),
      ["jobs_main_index", "jobs_no_queue_index"],
    );
  });

  test("deleting a job or its queue's lock fires nothing of its own", async () => {
    const { rows } = await q.db.query(
      `select tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
       where relnamespace = 'graphile_worker'::regnamespace and not tgisinternal`,
    );
    await relyOn("our statements are all that happens to a row", rows, []);
    const [job] = await q.add({ queue: "line" }).then(() => q.take("p"));
    if (job !== undefined) await settleCompleted(q.db, q.schemas, [completed(job)]);
    expect(await q.lockedQueues()).toEqual([]);
  });
});

describe("a queue that a newer graphile-worker has migrated", () => {
  const addMigration = (id: number, breaking: boolean) =>
    q.db.query("insert into graphile_worker.migrations (id, breaking) values ($1, $2)", [
      id,
      breaking,
    ]);

  test("is the one we know when nothing was added", async () => {
    const { rows } = await q.db.query("select max(id) as id from graphile_worker.migrations");
    expect(rows).toEqual([{ id: newestKnownMigration }]);
    expect(await withClient((client) => unknownMigrations(client, q.schemas))).toEqual([]);
  });

  test("is worked on when it says that its changes fit, and that is told", async () => {
    await addMigration(21, false);
    await withClient((client) => checkQueueContract(client, q.schemas));
    const { connectionString } = q.kit;
    const { unknownQueueMigration } = await migrate(connectionString, {
      schema: "graphile_worker",
    });
    expect(unknownQueueMigration).toBe(21);
  });

  test("is refused when its changes are breaking", async () => {
    await addMigration(21, false);
    await addMigration(22, true);
    const migrated = migrate(q.kit.connectionString, { schema: "graphile_worker" });
    await expect(migrated).rejects.toMatchObject({
      code: "queue-incompatible",
      message: expect.stringMatching(/newer graphile-worker.*\(22\).*breaking/),
    });
  });
});
