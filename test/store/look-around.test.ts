import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pause as pauseGate, readGates } from "../../src/store/gates.ts";
import { type LookRequest, lookAround, type Vitals } from "../../src/store/look-around.ts";
import { addProcess, listBeats } from "../../src/store/processes.ts";
import { countEnded } from "../../src/store/queue/ended-counts.ts";
import { nameFailures } from "../../src/store/queue/name-failures.ts";
import { registerTaskNames } from "../../src/store/queue/register-task-names.ts";
import { type QueueKit, queueKit } from "../support/queue-kit.ts";
import { addManyBySql } from "../support/test-runtime.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
  const row = { id: "p", host: "h", pid: 7, pidSpace: "s", version: "0" };
  await addProcess(q.db, q.schemas, row);
});
afterEach(() => q.stop());

const vitals: Vitals = { running: [3, 5], loopLagMs: 12, rssBytes: 5_000_000_000, stuck: 1 };

const look = (request: Partial<LookRequest> = {}) =>
  lookAround(q.db, q.schemas, {
    processId: "p",
    vitals: null,
    taskIds: [],
    chores: false,
    ...request,
  });

describe("the beat", () => {
  const row = async () => {
    const { rows } = await q.db.query(
      `select beat_seq::int as seq, running::int[], loop_lag_ms, rss_bytes::text as rss, stuck,
         beat_at = now() as is_old from taskrun.processes where id = 'p'`,
    );
    return rows[0];
  };

  test("is counted up with what it has to say", async () => {
    expect(await look({ vitals })).toMatchObject({ isAlive: true, isReadOnly: false });
    await look({ vitals });
    expect(await row()).toMatchObject({
      seq: 2,
      running: [3, 5],
      loop_lag_ms: 12,
      rss: "5000000000",
      stuck: 1,
    });
  });

  test("is left to whoever else beats", async () => {
    expect((await look()).isAlive).toBe(true);
    expect(await row()).toMatchObject({ seq: 0, running: [] });
  });

  test("finds that the process has been declared dead, or has no row", async () => {
    expect((await look({ processId: "q", vitals })).isAlive).toBe(false);
    await q.db.query("update taskrun.processes set dead_at = now()");
    expect((await look({ vitals })).isAlive).toBe(false);
    expect(await row()).toMatchObject({ seq: 0 });
  });
});

test("all processes are seen as `listBeats` lists them", async () => {
  const row = { id: "r", host: "i", pid: 8, pidSpace: null, version: "0" };
  await addProcess(q.db, q.schemas, row);
  await q.db.query("update taskrun.processes set dead_at = now(), beat_seq = 9 where id = 'r'");
  const { beats } = await look();
  expect(beats).toHaveLength(2);
  const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id);
  expect(beats.toSorted(byId)).toEqual((await listBeats(q.db, q.schemas)).toSorted(byId));
});

describe("a job is due", () => {
  const isDue = async (...names: string[]) => {
    const byId = await registerTaskNames(q.db, q.schemas, names);
    return (await look({ taskIds: [...byId.keys()] })).isDue;
  };

  test("when it is of a task that was asked for, may be locked, and its time has come", async () => {
    expect(await isDue("t", "u")).toBe(false);
    await q.add({ run_at: new Date(Date.now() + 3_600_000).toISOString() });
    await q.add({}, {}, "v");
    expect(await isDue("t", "u")).toBe(false);
    await q.add({ queue: "serial" });
    expect(await isDue("t", "u")).toBe(true);
    expect((await look()).isDue).toBe(false);
    await q.take("p");
    expect(await isDue("t", "u")).toBe(false);
  });

  test("for all that can be told, when very many of other tasks stand in front", async () => {
    await addManyBySql(q.kit, "other", 199);
    expect(await isDue("t")).toBe(false);
    await addManyBySql(q.kit, "other", 1);
    expect(await isDue("t")).toBe(true);
  });
});

describe("what there is to do beside jobs", () => {
  const chores = async () => (await look({ chores: true })).chores;
  const nothing = {
    cancellations: false,
    blocked: false,
    limited: false,
    uncounted: false,
    unnamed: false,
  };

  test("is nothing in a quiet database, and not asked for unless it is wanted", async () => {
    expect((await look()).chores).toBeNull();
    expect(await chores()).toMatchObject(nothing);
  });

  test("are requests to cancel, and jobs that wait for others", async () => {
    const parent = await q.add();
    await q.add({ after: [parent] });
    expect(await chores()).toMatchObject({ ...nothing, blocked: true });
    await q.take("p");
    await q.db.query("insert into taskrun.cancellations (job_id) values ($1)", [parent]);
    expect(await chores()).toMatchObject({ ...nothing, blocked: true, cancellations: true });
  });

  test("is to sweep what limits have left", async () => {
    await q.db.query(
      "insert into taskrun.limit_turns (task, key, served_at) values ('t', 'k', now())",
    );
    expect(await chores()).toMatchObject({ ...nothing, limited: true });
  });

  test("is what has ended and isn't counted, what has failed and isn't named", async () => {
    const end = (id: number, state: string) =>
      q.db.query(
        `insert into taskrun.history (job_id, task, state, error, attempts, max_attempts,
           priority, created_at, run_at, finished_at)
         values ($1, 't', $2, 'e', 1, 1, 0, now(), now(), now() - interval '5 s')`,
        [id, state],
      );
    await end(1, "completed");
    expect(await chores()).toMatchObject({ ...nothing, uncounted: true });
    while (await countEnded(q.db, q.schemas));
    expect(await chores()).toMatchObject(nothing);
    await end(2, "failed");
    expect(await chores()).toMatchObject({ ...nothing, unnamed: true });
    await nameFailures(q.db, q.schemas);
    expect(await chores()).toMatchObject(nothing);
  });

  test("is that pauses have changed: the same text as when they are read", async () => {
    const { fingerprint } = await readGates(q.db, q.schemas);
    expect((await chores())?.gates).toBe(fingerprint);
    const request = { kind: "task", name: "t", by: "ann", reason: null } as const;
    await pauseGate(q.db, q.schemas, request);
    expect((await chores())?.gates).not.toBe(fingerprint);
    expect((await chores())?.gates).toBe((await readGates(q.db, q.schemas)).fingerprint);
  });
});
