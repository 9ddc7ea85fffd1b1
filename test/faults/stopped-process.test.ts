import { describe, expect, inject, test } from "vitest";
import { pause } from "../../src/store/transient.ts";
import type { RunningCli } from "../support/run-cli.ts";
import { FaultLab } from "./support/fault-lab.ts";
import { reportFault } from "./support/fault-table.ts";
import { OwnServer } from "./support/own-server.ts";

const report = inject("faultReport");

/** Never ends the first time, whatever it is told. */
const stubborn = `export default async (_, ctx) => {
  const { rows } = await ctx.query(
    "insert into runs (job_id, pid, attempt) values ($1, $2, $3) returning " +
      "(select count(*) from runs where job_id = $1)::int as before",
    [ctx.jobId, process.pid, ctx.attempt],
  );
  if (rows[0].before === 0) await new Promise(() => {});
};`;

const noLocks = `not exists (
    select 1 from graphile_worker._private_jobs where locked_at is not null
  ) and not exists (
    select 1 from graphile_worker._private_job_queues where locked_at is not null
  )`;

/** Sends the signal; resolves to how long the process took to end, in seconds, and its code. */
async function end(cli: RunningCli, signal: NodeJS.Signals) {
  const askedAtMs = performance.now();
  cli.kill(signal);
  const { code } = await cli.ended;
  return { code, seconds: (performance.now() - askedAtMs) / 1000 };
}

describe.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s", (signal) => {
  test("lets short jobs end, and leaves the rest uncounted", async () => {
    await using lab = await FaultLab.open();
    const first = await lab.start("--concurrency", "20");
    const ids = await lab.add("work", 60, { ms: 1_000 });
    await lab.until("(select count(*) from runs) = 20");
    const { code, seconds } = await end(first, signal);
    expect(code).toBe(0);
    const after = await lab.ask(
      `select (select count(*)::int from taskrun.history where state = 'completed') as completed,
         (select max(attempts)::int from graphile_worker._private_jobs) as attempts,
         ${noLocks} as free`,
    );
    expect(after).toEqual({ completed: 20, attempts: 0, free: true });
    await lab.start("--concurrency", "40");
    await lab.untilDone();
    const ledger = await lab.ledger(ids);
    const fault = `${signal} amid short jobs`;
    reportFault(report, { fault, times: 1, ...ledger, secondsToRecover: seconds });
    expect(ledger).toEqual({ jobsIn: 60, done: 60, lost: 0, doubled: 0 });
  });
});

test("SIGTERM amid a handler that never ends gives its job back, uncounted, in 30 s", async () => {
  await using lab = await FaultLab.open({ tasks: { "tasks/stubborn.ts": stubborn } });
  const first = await lab.start();
  const ids = await lab.add("stubborn", 4, {}, "max_attempts := 1");
  await lab.until("(select count(*) from runs) = 4");
  const { code, seconds } = await end(first, "SIGTERM");
  expect(code).toBe(0);
  expect(seconds).toBeLessThan(30);
  const left = await lab.ask(
    `select max(attempts)::int as attempts, ${noLocks} as free from graphile_worker._private_jobs`,
  );
  expect(left).toEqual({ attempts: 0, free: true });
  await lab.start();
  await lab.untilDone();
  const ledger = await lab.ledger(ids);
  reportFault(report, {
    fault: "SIGTERM amid handlers that never end",
    times: 1,
    ...ledger,
    secondsToRecover: seconds,
    note: "given back without their handlers, which had begun",
  });
  expect(ledger).toEqual({ jobsIn: 4, done: 4, lost: 0, doubled: 4 });
});

test("a second SIGTERM ends the process in 2 s and still gives the jobs back", async () => {
  await using lab = await FaultLab.open({ tasks: { "tasks/stubborn.ts": stubborn } });
  const first = await lab.start();
  const ids = await lab.add("stubborn", 4, {}, "max_attempts := 1");
  await lab.until("(select count(*) from runs) = 4");
  first.kill("SIGTERM");
  await first.says("again to stop at once");
  await pause(100);
  const { code, seconds } = await end(first, "SIGTERM");
  expect(code).toBe(0);
  expect(seconds).toBeLessThan(2);
  expect(await lab.holds(noLocks)).toBe(true);
  await lab.start();
  await lab.untilDone();
  const ledger = await lab.ledger(ids);
  reportFault(report, {
    fault: "SIGTERM twice",
    times: 1,
    ...ledger,
    secondsToRecover: seconds,
    note: "given back without their handlers, which had begun",
  });
  expect(ledger).toEqual({ jobsIn: 4, done: 4, lost: 0, doubled: 4 });
});

test.each([
  { what: "idle", jobs: 0 },
  { what: "with running jobs", jobs: 5 },
])("SIGTERM while Postgres is frozen ends a process that is $what in 30 s", async (row) => {
  await using server = await OwnServer.start();
  await using lab = await FaultLab.open({ server });
  const first = await lab.start();
  const gate = lab.gate();
  const ids = [...(await lab.add("work", row.jobs, { gate: gate.path, ms: 1_000 }))];
  await lab.untilRunning(row.jobs);
  await server.freeze();
  await gate.open();
  const { code, seconds } = await end(first, "SIGTERM");
  expect(seconds).toBeLessThan(30);
  server.thaw();
  // Not everything could be written down: it says so to whoever started it.
  expect(code).toBe(75);
  const thawedAtMs = performance.now();
  await lab.start();
  ids.push(...(await lab.add("work", 1, { ms: 1 })));
  await lab.untilDone();
  const ledger = await lab.ledger(ids);
  reportFault(report, {
    fault: `SIGTERM while Postgres is frozen, ${row.what}`,
    times: 1,
    ...ledger,
    secondsToRecover: (performance.now() - thawedAtMs) / 1000,
    note: "ended unrecorded; they ran again elsewhere",
  });
  expect(ledger).toMatchObject({ jobsIn: row.jobs + 1, done: row.jobs + 1, lost: 0 });
  expect(ledger.doubled).toBeLessThanOrEqual(row.jobs);
});

test("a reader of the output that goes away ends no process and no job", async () => {
  await using lab = await FaultLab.open({
    tasks: { "tasks/chatty.ts": `export default (_, ctx) => ctx.log.info("said");` },
  });
  const cli = await lab.start();
  cli.child.stdout?.destroy();
  cli.child.stderr?.destroy();
  const ids = await lab.add("chatty", 200);
  await lab.untilDone();
  const { code, seconds } = await end(cli, "SIGTERM");
  expect(code).toBe(0);
  const ledger = await lab.ledger(ids);
  const fault = "closed stdout and stderr";
  reportFault(report, { fault, times: 1, ...ledger, secondsToRecover: seconds });
  expect(ledger).toEqual({ jobsIn: 200, done: 200, lost: 0, doubled: 0 });
});
