import type pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parentEnds, sweepBlocked } from "../../src/store/dependencies.ts";
import { rescueJobs } from "../../src/store/queue/rescue.ts";
import { settleCompleted, settlePlain } from "../../src/store/queue/settle.ts";
import { settleOthers } from "../../src/store/queue/settle-others.ts";
import { completed, ended, type QueueKit, queueKit } from "../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const child = (after: string[], more: Record<string, unknown> = {}) =>
  q.add({ after, ...more }, {}, "child");

async function jobs(): Promise<Record<string, unknown>[]> {
  const { rows } = await q.db.query(
    "select id, state, error, run_at > now() as later from taskrun.jobs order by id",
  );
  return rows;
}

const stateOf = async (id: string) => (await q.kit.job(id))?.state;

async function take(id: string) {
  const [job] = await q.take("p", 1);
  if (job?.id !== id) throw new Error(`took ${job?.id}, not ${id}`);
  return job;
}

/** Locks the job and settles it, as a process would. */
async function end(id: string, state: "completed" | "failed" | "cancelled"): Promise<void> {
  const job = await take(id);
  if (state === "completed") await settlePlain(q.db, q.schemas, [completed(job)]);
  else await settleOthers(q.db, q.schemas, [ended(job, state)]);
}

async function dependencies(): Promise<number> {
  const { rows } = await q.db.query("select count(*)::int as count from taskrun.dependencies");
  return rows[0].count;
}

async function transaction<T>(use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await q.db.connect();
  try {
    await client.query("begin");
    const result = await use(client);
    await client.query("commit");
    return result;
  } finally {
    client.release();
  }
}

const addChild = (client: Pick<pg.Pool, "query">, parent: string) =>
  client.query("select taskrun.add_job('child', '{}', $1) as id", [
    JSON.stringify({ after: [parent] }),
  ]);

describe("a job with `after`", () => {
  test("is blocked, fetched by nobody, and due when its last parent has completed", async () => {
    const [a, b] = [await q.add(), await q.add()];
    const c = await child([a, b]);
    expect(await stateOf(c)).toBe("blocked");
    expect(await q.take("p", 10, ["child"])).toEqual([]);
    await end(a, "completed");
    expect(await stateOf(c)).toBe("blocked");
    await end(b, "completed");
    expect(await stateOf(c)).toBe("pending");
    expect((await q.take("p", 10, ["child"])).map(({ id }) => id)).toEqual([c]);
    expect(await dependencies()).toBe(0);
  });

  test("keeps its run_at, and shows it while it is blocked", async () => {
    const a = await q.add();
    const c = await child([a], { run_at: "2100-01-01T00:00:00Z" });
    const { run_at, state } = (await q.kit.job(c)) ?? {};
    expect({ run_at, state }).toEqual({ run_at: new Date("2100-01-01"), state: "blocked" });
    await end(a, "completed");
    const released = await q.kit.job(c);
    expect(released?.state).toBe("scheduled");
    expect(released?.run_at).toEqual(new Date("2100-01-01"));
  });

  test("doesn't wait for a parent that has completed, nor for one whose record is gone", async () => {
    const [a, b] = [await q.add(), await q.add()];
    await end(a, "completed");
    await q.db.query("delete from graphile_worker._private_jobs where id = $1", [b]);
    expect(await stateOf(await child([a, b]))).toBe("pending");
  });

  test("is refused when it names a job that never was, or itself, or what is no id", async () => {
    await expect(child(["999999"])).rejects.toThrow("there is no job 999999 to wait for");
    await expect(child(["x"])).rejects.toThrow("after is");
    const a = await q.add({ key: "a" });
    await expect(q.add({ key: "a", after: [a] })).rejects.toThrow(`job ${a} can't wait for itself`);
    await expect(child([a], { on_parent_failure: "hope" })).rejects.toThrow("on_parent_failure");
  });

  test("comes by add_jobs too", async () => {
    const a = await q.add();
    const { rows } = await q.db.query("select * from taskrun.add_jobs($1)", [
      JSON.stringify([{ task: "t" }, { task: "child", options: { after: [a] } }]),
    ]);
    expect(await stateOf(rows[0].add_jobs)).toBe("pending");
    expect(await stateOf(rows[1].add_jobs)).toBe("blocked");
  });
});

describe("when a parent fails or is cancelled, its child", () => {
  for (const state of ["failed", "cancelled"] as const) {
    const how = state === "failed" ? "failed" : "was cancelled";

    test(`is cancelled by default, with a record that says so (parent ${state})`, async () => {
      const a = await q.add();
      const c = await child([a]);
      await end(a, state);
      expect(await q.kit.job(c)).toMatchObject({
        state: "cancelled",
        error: `cancelled because job ${a} (t) ${how}`,
        attempts: 0,
        started_at: null,
      });
      expect(await q.row(c)).toBeUndefined();
    });

    test(`fails and stays in the queue when it says fail (parent ${state})`, async () => {
      const a = await q.add();
      const c = await child([a], { on_parent_failure: "fail", max_attempts: 3 });
      await end(a, state);
      const error = `failed because job ${a} (t) ${how}`;
      expect(await q.kit.job(c)).toMatchObject({ state: "failed", error });
      expect(await q.row(c)).toMatchObject({ attempts: 3, max_attempts: 3, last_error: error });
      expect((await q.row(c))?.run_at).toBeInstanceOf(Date);
    });

    test(`runs when it says run (parent ${state})`, async () => {
      const a = await q.add();
      const c = await child([a], { on_parent_failure: "run" });
      await end(a, state);
      expect(await stateOf(c)).toBe("pending");
    });

    test(`meets the same fate when it is added afterwards (parent ${state})`, async () => {
      const a = await q.add();
      await end(a, state);
      expect(await stateOf(await child([a]))).toBe("cancelled");
      expect(await stateOf(await child([a], { on_parent_failure: "fail" }))).toBe("failed");
      expect(await stateOf(await child([a], { on_parent_failure: "run" }))).toBe("pending");
    });
  }

  test("takes its own children along, over layers and without recursion", async () => {
    const first = await q.add();
    let last = first;
    for (let layer = 0; layer < 300; layer++) last = await child([last]);
    const survivor = await child([last], { on_parent_failure: "run" });
    await end(first, "failed");
    const { rows } = await q.db.query(
      "select state, count(*)::int as count from taskrun.jobs group by 1 order by 1",
    );
    expect(rows).toEqual([
      { state: "cancelled", count: 300 },
      { state: "failed", count: 1 },
      { state: "pending", count: 1 },
    ]);
    expect(await stateOf(survivor)).toBe("pending");
    expect((await q.kit.job(last))?.error).toMatch(/^cancelled because job \d+ \(child\) was canc/);
  });

  test("is told by cancel_job, by a rescue and by a batch of mixed ends alike", async () => {
    const cancelled = await q.add();
    const first = await child([cancelled]);
    await q.db.query("select taskrun.cancel_job($1)", [cancelled]);
    expect(await stateOf(first)).toBe("cancelled");

    const lost = await q.add({ max_attempts: 1 });
    const second = await child([lost]);
    await take(lost);
    await transaction((client) => rescueJobs(client, q.schemas, "p", "it died"));
    expect(await stateOf(lost)).toBe("failed");
    expect(await stateOf(second)).toBe("cancelled");

    const [a, b] = [await q.add({ priority: -5 }), await q.add({ priority: -4 })];
    const [ofA, ofB, ofBoth] = [await child([a]), await child([b]), await child([a, b])];
    const [jobA, jobB] = await q.take("p", 2);
    if (jobA === undefined || jobB === undefined) throw new Error("two jobs were due");
    await settleOthers(q.db, q.schemas, [ended(jobA, "failed"), ended(jobB, "cancelled")]);
    for (const id of [ofA, ofB, ofBoth]) expect(await stateOf(id)).toBe("cancelled");
    expect((await q.kit.job(ofBoth))?.error).toBe(`cancelled because job ${a} (t) failed`);
  });
});

describe("a keyed replace", () => {
  test("replaces what the job waits for", async () => {
    const [a, b] = [await q.add(), await q.add()];
    const c = await child([a], { key: "c" });
    expect(await child([b], { key: "c" })).toBe(c);
    await end(a, "failed");
    expect(await stateOf(c)).toBe("blocked");
    await end(b, "completed");
    expect(await stateOf(c)).toBe("pending");
  });

  test("without `after` makes it wait for nothing", async () => {
    const c = await child([await q.add()], { key: "c" });
    expect(await q.add({ key: "c" })).toBe(c);
    expect(await stateOf(c)).toBe("pending");
    expect(await dependencies()).toBe(0);
  });

  test("by the queue's own add_job does so too, and the parent's failure is no matter", async () => {
    const a = await q.add();
    const c = await child([a], { key: "c" });
    await q.db.query("select graphile_worker.add_job('child', '{}', job_key => 'c')");
    await end(a, "failed");
    expect(await stateOf(c)).toBe("pending");
    expect(await dependencies()).toBe(0);
  });

  test("can't close a circle", async () => {
    const a = await q.add({ key: "a" });
    const b = await child([a], { key: "b" });
    const c = await child([b]);
    const error = `job ${a} can't wait for jobs that wait for it`;
    await expect(q.add({ key: "a", after: [c] })).rejects.toThrow(error);
    expect(await stateOf(a)).toBe("pending");
  });

  test("can't close a circle with another at the same moment either", async () => {
    const [a, b] = [await q.add({ key: "a" }), await q.add({ key: "b" })];
    const replace = (key: string, after: string) =>
      transaction(async (client) => {
        await client.query("select taskrun.add_job('t', '{}', $1)", [
          JSON.stringify({ key, after: [after] }),
        ]);
        await client.query("select pg_sleep(0.05)");
      });
    const ends = await Promise.allSettled([replace("a", b), replace("b", a)]);
    expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const blocked = (await jobs()).filter(({ state }) => state === "blocked");
    expect(blocked).toHaveLength(1);
  });
});

describe("a parent that ends while its child is being added", () => {
  test("is not held up by the open transaction, and the child is due at the commit", async () => {
    const a = await q.add();
    const job = await take(a);
    const added = await transaction(async (client) => {
      const { rows } = await addChild(client, a);
      expect(await settlePlain(q.db, q.schemas, [completed(job)])).toBe(1);
      return rows[0].id;
    });
    expect(await stateOf(added)).toBe("pending");
    expect(await dependencies()).toBe(0);
  });

  test("takes the child along when it failed", async () => {
    const a = await q.add();
    const job = await take(a);
    const added = await transaction(async (client) => {
      const { rows } = await addChild(client, a);
      await settleOthers(q.db, q.schemas, [ended(job, "failed")]);
      return rows[0].id;
    });
    expect(await stateOf(added)).toBe("cancelled");
  });

  test("is seen in hundreds of rounds of both at once, hardly ever by the sweep alone", async () => {
    const rounds = 300;
    await q.db.query("select taskrun.add_job('t') from generate_series(1, $1)", [rounds]);
    const parents = await q.take("p", rounds);
    expect(parents).toHaveLength(rounds);
    await Promise.all(
      [0, 1].map(async (lane) => {
        for (const parent of parents.filter((_, n) => n % 2 === lane)) {
          await Promise.all([
            addChild(q.db, parent.id),
            settleCompleted(q.db, q.schemas, [completed(parent)]),
          ]);
        }
      }),
    );
    const early = (await jobs()).filter(({ state }) => state === "pending");
    expect(early.length).toBeGreaterThan(rounds * 0.95);
    await sweepBlocked(q.db, q.schemas);
    const states = new Set((await jobs()).map(({ state }) => state));
    expect([...states].sort()).toEqual(["completed", "pending"]);
    expect(await dependencies()).toBe(0);
  }, 60_000);
});

describe("two parents that end at the same moment", () => {
  test("don't leave the child blocked: the second waits for the first to commit", async () => {
    const [a, b] = [await q.add(), await q.add()];
    const c = await child([a, b]);
    const remove = async (client: pg.PoolClient, id: string) => {
      await client.query("delete from graphile_worker._private_jobs where id = $1", [id]);
      await client.query("select taskrun.resolve_dependents(array[$1::bigint], 'completed')", [id]);
    };
    let second: Promise<void> = Promise.resolve();
    await transaction(async (client) => {
      await remove(client, a);
      second = transaction((other) => remove(other, b));
      // Until the other transaction waits for this one.
      for (let waits = 0; waits === 0; ) {
        const { rows } = await client.query(
          "select count(*)::int as waits from pg_locks where not granted and pid <> pg_backend_pid()",
        );
        waits = rows[0].waits;
      }
    });
    await second;
    expect(await stateOf(c)).toBe("pending");
  });

  test("don't, in a hundred rounds of settling side by side", async () => {
    const rounds = 100;
    for (let round = 0; round < rounds; round++) {
      const [a, b] = [await q.add(), await q.add()];
      await child([a, b]);
    }
    const parents = await q.take("p", rounds * 2);
    for (let n = 0; n < parents.length; n += 2) {
      const pair = parents.slice(n, n + 2);
      await Promise.all(pair.map((job) => settlePlain(q.db, q.schemas, [completed(job)])));
    }
    const states = (await jobs()).map(({ state }) => state);
    expect(states.filter((state) => state === "pending")).toHaveLength(rounds);
    expect(await dependencies()).toBe(0);
  }, 60_000);
});

describe("the sweep", () => {
  /** What others do to a parent, without a word to us; and what that means for a child. */
  const endings: [string, string, string][] = [
    ["completed by a plain process", "delete from graphile_worker._private_jobs", "pending"],
    ["removed", "select graphile_worker.remove_job('a')", "pending"],
    [
      "failed for good by a plain process",
      "select graphile_worker.permanently_fail_jobs(array[$1::bigint], 'no')",
      "cancelled",
    ],
  ];

  for (const [how, statement, expected] of endings) {
    test(`finds a child whose parent was ${how}`, async () => {
      const a = await q.add({ key: "a" });
      const c = await child([a]);
      const deletes = statement.startsWith("delete");
      const values = deletes || statement.includes("$1") ? [a] : [];
      await q.db.query(deletes ? `${statement} where id = $1` : statement, values);
      expect(await stateOf(c)).toBe("blocked");
      expect(await sweepBlocked(q.db, q.schemas)).toBe(1);
      expect(await stateOf(c)).toBe(expected);
      expect(await sweepBlocked(q.db, q.schemas)).toBe(0);
    });
  }

  test("leaves alone what waits for jobs that live, and finds what waits for nothing", async () => {
    const c = await child([await q.add()]);
    expect(await sweepBlocked(q.db, q.schemas)).toBe(0);
    expect(await stateOf(c)).toBe("blocked");
    await q.db.query("delete from taskrun.dependencies");
    expect(await sweepBlocked(q.db, q.schemas)).toBe(1);
    expect(await stateOf(c)).toBe("pending");
  });

  test("removes what a job that is gone has left behind", async () => {
    const c = await child([await q.add()]);
    await q.db.query("delete from graphile_worker._private_jobs where id = $1", [c]);
    expect(await sweepBlocked(q.db, q.schemas)).toBe(0);
    expect(await dependencies()).toBe(0);
  });

  test("is done by one at a time", async () => {
    await child([await q.add()]);
    await q.db.query("delete from taskrun.dependencies");
    await transaction(async (client) => {
      expect(await sweepBlocked(client, q.schemas)).toBe(1);
      expect(await sweepBlocked(q.db, q.schemas)).toBe(0);
    });
  });
});

test("ends of jobs come in the order asked, whatever has become of them", async () => {
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) ids.push(await q.add());
  const [done, failing] = await q.take("p", 2);
  if (done === undefined || failing === undefined) throw new Error("two jobs were due");
  await settlePlain(q.db, q.schemas, [completed(done, { outputJson: '{"n":1}' })]);
  await settleOthers(q.db, q.schemas, [ended(failing, "failed")]);
  await q.db.query("delete from graphile_worker._private_jobs where id = $1", [ids[3]]);
  const ends = await parentEnds(q.db, q.schemas, ids.toReversed());
  expect(ends).toEqual([
    { id: ids[3], task: null, state: "gone", output: null, error: null },
    { id: ids[2], task: "t", state: "unfinished", output: null, error: null },
    { id: failing.id, task: "t", state: "failed", output: null, error: "bad luck" },
    { id: done.id, task: "t", state: "completed", output: { n: 1 }, error: null },
  ]);
  await expect(parentEnds(q.db, q.schemas, ["424242"])).rejects.toThrow("no job 424242");
});
