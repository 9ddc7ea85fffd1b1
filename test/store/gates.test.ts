import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type AttemptCounts,
  countAttempts,
  endCanary,
  isKnownTask,
  listOpenBreakers,
  listPauses,
  pause,
  readGates,
  renewCanaries,
  resume,
} from "../../src/store/gates.ts";
import { type QueueKit, queueKit } from "../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const policy = { failures: 3, successes: 2, openForMs: 60_000 };

const count = (counts: Partial<AttemptCounts>) =>
  countAttempts(
    q.db,
    q.schemas,
    "t",
    { failures: 0, longest: 0, lastRun: null, error: null, ...counts },
    policy,
  );

async function row() {
  const { rows } = await q.db.query(
    `select state, failures, successes, last_error as error, canary_process as canary,
       extract(epoch from open_until - changed_at)::int as open_s
     from taskrun.breakers where task = 't'`,
  );
  return rows[0];
}

describe("counting attempts", () => {
  test("failures add up until they open the breaker for its time", async () => {
    await count({ failures: 2, error: "one" });
    expect(await row()).toMatchObject({ state: "closed", failures: 2, error: "one" });
    await count({ failures: 1, error: "two" });
    expect(await row()).toMatchObject({ state: "open", failures: 3, error: "two", open_s: 60 });
  });

  test("a success in between starts the count anew", async () => {
    await count({ failures: 2 });
    await count({ lastRun: 0 });
    expect(await row()).toMatchObject({ failures: 0 });
    await count({ failures: 2, longest: 2, lastRun: 1 });
    expect(await row()).toMatchObject({ state: "closed", failures: 1 });
  });

  test("so many in a row open it, wherever they stand among the others", async () => {
    await count({ failures: 0, longest: 3, lastRun: 0 });
    expect(await row()).toMatchObject({ state: "open" });
  });

  test("what ends while it is open changes nothing", async () => {
    await count({ failures: 3, error: "first" });
    const before = await row();
    await count({ failures: 9, error: "late" });
    await count({ lastRun: 0 });
    expect(await row()).toEqual(before);
  });

  test("many processes at once lose none", async () => {
    await Promise.all([1, 2, 3, 4].map(() => count({ failures: 1 })));
    expect(await row()).toMatchObject({ state: "open" });
  });
});

describe("the end of the job that was let through", () => {
  const end = (how: "success" | "failure" | "neither", processId = "p") =>
    endCanary(q.db, q.schemas, { task: "t", processId }, { how, error: "why" }, policy);
  const claim = () =>
    q.db.query(
      `insert into taskrun.breakers (task, state, failures, canary_process, canary_until)
       values ('t', 'half_open', 3, 'p', now() + interval '10s')
       on conflict (task) do update set canary_process = 'p'`,
    );

  test("successes in a row close it", async () => {
    await claim();
    await end("success");
    expect(await row()).toMatchObject({ state: "half_open", successes: 1, canary: null });
    await claim();
    await end("success");
    expect(await row()).toMatchObject({ state: "closed", failures: 0, successes: 0 });
  });

  test("a failure opens it again for its time", async () => {
    await claim();
    await end("success");
    await claim();
    await end("failure");
    expect(await row()).toMatchObject({ state: "open", successes: 0, open_s: 60, error: "why" });
  });

  test("that says neither leaves the next one its turn", async () => {
    await claim();
    await end("neither");
    expect(await row()).toMatchObject({ state: "half_open", successes: 0, canary: null });
  });

  test("doesn't count when the claim was another's by then", async () => {
    await claim();
    await end("failure", "q");
    expect(await row()).toMatchObject({ state: "half_open", canary: "p" });
  });

  test("a claim is renewed by its owner alone", async () => {
    await claim();
    const until = async () => {
      const { rows } = await q.db.query(
        "select extract(epoch from canary_until - now())::int as seconds from taskrun.breakers",
      );
      return rows[0].seconds;
    };
    const request = { tasks: ["t"], processId: "q", leaseMs: 100_000 };
    await renewCanaries(q.db, q.schemas, request);
    expect(await until()).toBeLessThanOrEqual(10);
    await renewCanaries(q.db, q.schemas, { ...request, processId: "p" });
    expect(await until()).toBeGreaterThan(90);
  });
});

describe("what everybody reads", () => {
  test("has a fingerprint that changes with it, and only then", async () => {
    const first = await readGates(q.db, q.schemas);
    await q.db.query("insert into taskrun.breakers (task) values ('t')");
    const same = await readGates(q.db, q.schemas);
    expect(same.fingerprint).toBe(first.fingerprint);
    expect(same.breakers).toEqual([]);
    await count({ failures: 1, error: "no" });
    const counted = await readGates(q.db, q.schemas);
    expect(counted.fingerprint).not.toBe(first.fingerprint);
    expect(counted.breakers).toMatchObject([{ task: "t", state: "closed", failures: 1 }]);
    expect(Math.abs(counted.nowMs - Date.now())).toBeLessThan(60_000);
  });

  test("tells times as the database has them", async () => {
    await count({ failures: 3 });
    const { breakers, nowMs } = await readGates(q.db, q.schemas);
    const [breaker] = breakers;
    expect(Number(breaker?.openUntilMs) - nowMs).toBeGreaterThan(50_000);
    expect(Number(breaker?.openUntilMs) - nowMs).toBeLessThanOrEqual(60_000);
  });
});

describe("pausing", () => {
  const gate = { kind: "task", name: "t" } as const;

  test("twice keeps the last word; resuming ends it once", async () => {
    await pause(q.db, q.schemas, { ...gate, by: "a", reason: null });
    await pause(q.db, q.schemas, { ...gate, by: "b", reason: "why" });
    expect(await listPauses(q.db, q.schemas)).toMatchObject([
      { ...gate, paused_by: "b", reason: "why" },
    ]);
    expect(await resume(q.db, q.schemas, gate)).toBe(true);
    expect(await resume(q.db, q.schemas, gate)).toBe(false);
    expect(await listPauses(q.db, q.schemas)).toEqual([]);
  });

  test("a published task by an alias pauses it under its own name", async () => {
    await q.db.query("insert into taskrun.tasks (name, task) values ('t', 't'), ('old:t', 't')");
    await pause(q.db, q.schemas, { kind: "task", name: "old:t", by: "a", reason: null });
    expect(await listPauses(q.db, q.schemas)).toMatchObject([{ name: "t" }]);
    expect(await resume(q.db, q.schemas, { kind: "task", name: "old:t" })).toBe(true);
  });

  test("resuming a task closes its breaker", async () => {
    await count({ failures: 3, error: "no" });
    expect(await listOpenBreakers(q.db, q.schemas)).toMatchObject([{ task: "t", state: "open" }]);
    expect(await resume(q.db, q.schemas, gate)).toBe(true);
    expect(await listOpenBreakers(q.db, q.schemas)).toEqual([]);
  });
});

test("a task is known that was published or that a living process has", async () => {
  await q.db.query("insert into taskrun.tasks (name, task) values ('published', 'published')");
  await q.db.query(
    `insert into taskrun.processes (id, host, pid, version, tasks)
     values ('p', 'h', 1, '1', array['running'])`,
  );
  const known = ["published", "running", "neither"].map((name) =>
    isKnownTask(q.db, q.schemas, name),
  );
  expect(await Promise.all(known)).toEqual([true, true, false]);
});
