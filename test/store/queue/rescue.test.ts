import { afterEach, beforeEach, expect, test } from "vitest";
import { rescueJobs } from "../../../src/store/queue/rescue.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

const reason = "process died (test)";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

async function rescue(processId: string) {
  const client = await q.db.connect();
  try {
    const { returned, retried, failed } = await rescueJobs(client, q.schemas, processId, reason);
    return { returned, retried, failed };
  } finally {
    client.release();
  }
}

/** The process has the job, and its heartbeat says what it was running. */
async function registerWith(processId: string, running: readonly string[]): Promise<void> {
  await q.db.query(
    `insert into taskrun.processes (id, host, pid, version, running) values ($1, 'h', 1, '0', $2)
     on conflict (id) do update set running = excluded.running`,
    [processId, running],
  );
}

const details = async (id: string) => {
  const { rows } = await q.db.query(
    "select crashes, suspect, ending from taskrun.job_details where job_id = $1",
    [id],
  );
  return rows[0];
};

const attempts = async () => {
  const { rows } = await q.db.query("select job_id, attempt, state, rule from taskrun.attempts");
  return rows;
};

test("frees a dead process's jobs and serial queues, with the reason, and nobody else's", async () => {
  const lost = await q.add({ queue: "lost" });
  await q.take("dead");
  const kept = await q.add({ queue: "kept" });
  await q.take("alive");
  await registerWith("dead", [lost]);
  expect(await rescue("dead")).toEqual({ returned: 0, retried: 1, failed: 0 });
  expect(await q.row(lost)).toMatchObject({
    locked_by: null,
    locked_at: null,
    attempts: 1,
    last_error: reason,
  });
  const { rows } = await q.db.query(
    `select extract(epoch from run_at - updated_at)::float8 as delay_s
     from graphile_worker._private_jobs where id = $1`,
    [lost],
  );
  expect(rows).toEqual([{ delay_s: 0.25 }]);
  expect(await q.row(kept)).toMatchObject({ locked_by: "alive" });
  expect(await q.lockedQueues()).toEqual(["kept"]);
  expect(await attempts()).toEqual([
    { job_id: lost, attempt: 1, state: "retrying", rule: "process-died" },
  ]);
});

test("a job that was only taken ahead is due at once, and its attempt does not count", async () => {
  const running = await q.add();
  const ahead = await q.add({ max_attempts: 1 });
  await q.take("dead");
  await registerWith("dead", [running]);
  expect(await rescue("dead")).toEqual({ returned: 1, retried: 1, failed: 0 });
  expect(await q.row(ahead)).toMatchObject({ attempts: 0, last_error: null, later: false });
  expect(await details(ahead)).toMatchObject({ crashes: 0, suspect: true });
  expect(await details(running)).toMatchObject({ crashes: 1, suspect: true });
  expect(await attempts()).toMatchObject([{ job_id: running }]);
});

test("a job that finished a step in this attempt was being run, whatever the list says", async () => {
  const id = await q.add();
  const before = await q.add();
  await q.take("dead");
  await registerWith("dead", []);
  await q.db.query(
    `insert into taskrun.steps (job_id, name, attempt, started_at, finished_at)
     values ($1, 's', 1, now(), now()), ($2, 's', 1, now(), now() - interval '1 hour')`,
    [id, before],
  );
  expect(await rescue("dead")).toEqual({ returned: 1, retried: 1, failed: 0 });
  expect(await details(id)).toMatchObject({ crashes: 1 });
  expect(await details(before)).toMatchObject({ crashes: 0 });
});

test("of a process without a row every attempt counts", async () => {
  const id = await q.add();
  await q.take("dead");
  expect(await rescue("dead")).toEqual({ returned: 0, retried: 1, failed: 0 });
  expect(await q.row(id)).toMatchObject({ attempts: 1 });
});

test("a last attempt has failed, with what was enqueued with the job in its record", async () => {
  const id = await q.add({ max_attempts: 1, metadata: { a: 1 }, correlation_id: "c" });
  await q.take("dead");
  await registerWith("dead", [id]);
  expect(await rescue("dead")).toEqual({ returned: 0, retried: 0, failed: 1 });
  expect(await q.kit.job(id)).toMatchObject({ state: "failed", attempts: 1, error: reason });
  const { rows } = await q.db.query("select * from taskrun.history");
  expect(rows).toMatchObject([
    { state: "failed", metadata: { a: 1 }, correlation_id: "c", process: "dead" },
  ]);
});

test("a job that three processes died with has failed, whatever its attempts allow", async () => {
  const id = await q.add({ max_attempts: 25 });
  for (const [crash, name] of ["one", "two", "three"].entries()) {
    await q.db.query("update graphile_worker._private_jobs set run_at = now()");
    await q.take(name);
    await registerWith(name, [id]);
    const last = crash === 2;
    expect(await rescue(name)).toEqual({
      returned: 0,
      retried: last ? 0 : 1,
      failed: last ? 1 : 0,
    });
  }
  expect(await q.kit.job(id)).toMatchObject({
    state: "failed",
    attempts: 3,
    error: `${reason}; it was running in 3 processes when they died`,
  });
  expect(await q.row(id)).toMatchObject({ attempts: 25, max_attempts: 25 });
});

test("a job with steps to undo gets one more run for them instead of failing", async () => {
  const id = await q.add({ max_attempts: 1 });
  await q.take("dead");
  await registerWith("dead", [id]);
  await q.db.query(
    `insert into taskrun.steps (job_id, name, state, compensable, attempt, started_at)
     values ($1, 'pay', 'done', true, 1, now())`,
    [id],
  );
  expect(await rescue("dead")).toEqual({ returned: 0, retried: 1, failed: 0 });
  expect(await q.row(id)).toMatchObject({ attempts: 0, max_attempts: 1 });
  expect(await details(id)).toMatchObject({
    ending: { state: "failed", error: { name: "ProcessDied", message: reason } },
  });
  const { rows } = await q.db.query("select * from taskrun.history");
  expect(rows).toEqual([]);
});

test("an ending that was decided before stays, and the run that undoes steps is not counted", async () => {
  const id = await q.add({ max_attempts: 2 });
  await q.take("dead");
  await registerWith("dead", [id]);
  await q.db.query(
    `insert into taskrun.job_details (job_id, ending) values ($1, '{"state": "cancelled"}')`,
    [id],
  );
  expect(await rescue("dead")).toEqual({ returned: 0, retried: 1, failed: 0 });
  expect(await details(id)).toMatchObject({ ending: { state: "cancelled" }, crashes: 1 });
});

test("a job that was to be cancelled doesn't fail by its process's death", async () => {
  const id = await q.add({ max_attempts: 1 });
  await q.take("dead");
  await registerWith("dead", [id]);
  await q.db.query("select taskrun.cancel_job($1, 'not needed')", [id]);
  expect(await rescue("dead")).toEqual({ returned: 0, retried: 1, failed: 0 });
  // Whoever ends it looks every two seconds: until then nobody is to take it.
  const { rows } = await q.db.query(
    `select run_at >= now() + interval '5 seconds' as waits
     from graphile_worker._private_jobs where id = $1`,
    [id],
  );
  expect(rows).toEqual([{ waits: true }]);
  await q.db.query("select taskrun.sweep_cancellations()");
  expect(await q.kit.job(id)).toMatchObject({ state: "cancelled", error: "not needed" });
});

test("doing it twice changes nothing more", async () => {
  const id = await q.add();
  await q.take("dead");
  await rescue("dead");
  const row = await q.row(id);
  expect(await rescue("dead")).toEqual({ returned: 0, retried: 0, failed: 0 });
  expect(await q.row(id)).toEqual(row);
});

test("a job with thousands of attempts is rescued like any other", async () => {
  const id = await q.add({ max_attempts: 32_767 });
  await q.take("dead");
  await q.db.query("update graphile_worker._private_jobs set attempts = 20000");
  expect(await rescue("dead")).toEqual({ returned: 0, retried: 1, failed: 0 });
  expect(await q.row(id)).toMatchObject({ locked_by: null });
});
