import { statfs } from "node:fs/promises";
import { expect, inject, test } from "vitest";
import { pause } from "../../src/store/transient.ts";
import type { RunningCli } from "../support/run-cli.ts";
import { FakeClock } from "./support/fake-clock.ts";
import { FaultLab } from "./support/fault-lab.ts";
import { reportFault, reportSkipped } from "./support/fault-table.ts";
import { OwnServer } from "./support/own-server.ts";
import { SmallDisk } from "./support/small-disk.ts";

const report = inject("faultReport");

async function endWell(cli: RunningCli): Promise<void> {
  expect(cli.child.exitCode).toBeNull();
  cli.kill("SIGTERM");
  expect((await cli.ended).code).toBe(0);
}

test("a full disk: what was accepted is done when there is space again", async ({ skip }) => {
  const fault = "the database's disk is full";
  const disk = await SmallDisk.of(250);
  if (disk === null) {
    const reason = "needs root, to mount a small disk";
    reportSkipped(report, fault, reason);
    return skip(reason);
  }
  await using _disk = disk;
  await using server = await OwnServer.start({ folder: disk.folder });
  await using lab = await FaultLab.open({ server });
  const cli = await lab.start("--concurrency", "20");
  const gate = lab.gate();
  const ids = [...(await lab.add("work", 20, { gate: gate.path }))];
  await lab.untilRunning(20);
  await disk.fill();
  // Large enough that no page in use has room for it.
  const payload = { ms: 10, text: "x".repeat(20_000).replaceAll("x", () => String(Math.random())) };
  let refused: unknown = null;
  while (refused === null) {
    ids.push(
      ...(await lab.add("work", 5, payload).catch((error: unknown) => {
        refused = error;
        return [];
      })),
    );
  }
  expect(String(refused)).toMatch(/No space left|could not extend|terminated|recovery|refused/);
  // The handlers end while there is no room for what became of them.
  await gate.open();
  await pause(5_000);
  const { bavail } = await statfs(disk.folder);
  expect(bavail).toBeLessThan(1_000);
  await disk.clear();
  const sinceMs = performance.now();
  // A server that could not write its log has stopped itself.
  await server.start();
  await lab.untilDone();
  const secondsToRecover = (performance.now() - sinceMs) / 1000;
  const ledger = await lab.ledger(ids);
  reportFault(report, {
    fault,
    times: 1,
    ...ledger,
    secondsToRecover,
    note: "a handler whose own write was refused ran again",
  });
  expect(ledger).toMatchObject({ jobsIn: ids.length, done: ids.length, lost: 0 });
  await endWell(cli);
});

test.each([
  { what: "jumps ahead by 5 hours", offset: "+5h" },
  { what: "jumps back by an hour", offset: "-1h" },
])("the database's clock $what: nobody is robbed, nothing floods", async ({ what, offset }) => {
  const fault = `the database's clock ${what}`;
  const clock = await FakeClock.find();
  if (clock === null) {
    reportSkipped(report, fault, "needs faketime (Debian: apt install faketime)");
    return;
  }
  await using _clock = clock;
  await using server = await OwnServer.start({ environment: clock.environment });
  await using lab = await FaultLab.open({ server });
  await lab.project.write("crontab", '* * * * * work ?id=ticks {"ms":1}\n');
  const flags = ["--heartbeat-interval", "500ms"];
  const first = await lab.start(...flags);
  const second = await lab.start(...flags);
  const gate = lab.gate();
  const ids = [...(await lab.add("work", 15, { gate: gate.path }))];
  await lab.untilRunning(15);
  const before = await lab.ask<{ now: Date }>("select clock_timestamp() as now");
  await clock.jump(offset);
  const after = await lab.ask<{ now: Date }>("select clock_timestamp() as now");
  const jumpedMs = Math.abs(after.now.getTime() - before.now.getTime());
  expect(jumpedMs).toBeGreaterThan(50 * 60_000);
  const sinceMs = performance.now();
  ids.push(...(await lab.add("work", 20, { ms: 10 })));
  // Longer than it takes to find a process silent.
  await pause(6_000);
  await gate.open();
  // A tick may lie in what is the database's future now.
  const ours = `select from taskrun.history where job_id = any ('{${ids.join()}}')`;
  await lab.until(`(select count(*) from (${ours}) done) = ${ids.length}`);
  const secondsToRecover = (performance.now() - sinceMs) / 1000;
  const ledger = await lab.ledger(ids);
  reportFault(report, { fault, times: 1, ...ledger, secondsToRecover });
  expect(ledger).toEqual({ jobsIn: 35, done: 35, lost: 0, doubled: 0 });
  expect(await lab.holds("exists (select from taskrun.processes where dead_at is not null)")).toBe(
    false,
  );
  // The crontab goes by the processes' clock: at most the minutes that this took.
  const { ticks } = await lab.ask<{ ticks: number }>(
    "select count(*)::int as ticks from taskrun.history where not job_id = any ($1)",
    [ids],
  );
  expect(ticks).toBeLessThan(5);
  await endWell(first);
  await endWell(second);
});

test("a process whose clock is two hours off works like the others", async () => {
  const fault = "a process's clock is 2 hours off";
  const clock = await FakeClock.find();
  if (clock === null) {
    reportSkipped(report, fault, "needs faketime (Debian: apt install faketime)");
    return;
  }
  await using _clock = clock;
  await clock.jump("+2h");
  await using lab = await FaultLab.open();
  const flags = ["--heartbeat-interval", "500ms", "--concurrency", "5"];
  const right = await lab.start(...flags);
  const wrong = await lab.startWith({ flags, env: clock.environment });
  const ids = [
    ...(await lab.add("work", 40, { ms: 500 })),
    ...(await lab.add("work", 5, { ms: 1 }, "run_at := now() + interval '4 seconds'")),
  ];
  await lab.until("(select count(distinct pid) from runs) = 2");
  const early = await lab.ask<{ n: number }>(
    `select count(*)::int as n from runs r join graphile_worker._private_jobs j on j.id = r.job_id
     where r.began_at < j.run_at - interval '10 milliseconds'`,
  );
  expect(early.n).toBe(0);
  await lab.untilDone();
  const ledger = await lab.ledger(ids);
  reportFault(report, { fault, times: 1, ...ledger, secondsToRecover: null });
  expect(ledger).toEqual({ jobsIn: 45, done: 45, lost: 0, doubled: 0 });
  expect(await lab.holds("exists (select from taskrun.processes where dead_at is not null)")).toBe(
    false,
  );
  await endWell(right);
  await endWell(wrong);
});

test("statements of the queue that are cancelled all the time cost nothing", async () => {
  await using lab = await FaultLab.open();
  const cli = await lab.start("--concurrency", "20");
  const ids = await lab.add("work", 500, { ms: 20 });
  let times = 0;
  const ended = () => lab.holds("(select count(*) from taskrun.history) >= 450");
  while (!(await ended())) {
    const { n } = await lab.ask<{ n: number }>(
      `select count(pg_cancel_backend(pid))::int as n from pg_stat_activity
       where datname = current_database() and application_name = 'taskrun queue'
         and state = 'active'`,
    );
    times += n;
    // At any moment of a statement: without a pause, all are caught while they are being planned.
    await pause(Math.random() * 20);
  }
  const sinceMs = performance.now();
  await lab.untilDone();
  const secondsToRecover = (performance.now() - sinceMs) / 1000;
  const ledger = await lab.ledger(ids);
  const fault = "statements are cancelled (57014)";
  reportFault(report, { fault, times, ...ledger, secondsToRecover });
  expect(ledger).toEqual({ jobsIn: 500, done: 500, lost: 0, doubled: 0 });
  await endWell(cli);
});

test("a timeout that the database sets for all statements doesn't reach the queue's", async () => {
  await using lab = await FaultLab.open();
  await lab.db.query(
    `do $$ begin execute format('alter database %I set statement_timeout = 5', current_database());
     end $$`,
  );
  const cli = await lab.start();
  await lab.db.query("set statement_timeout = 0");
  const ids = await lab.add("work", 30, { ms: 10 });
  const sinceMs = performance.now();
  await lab.untilDone();
  const secondsToRecover = (performance.now() - sinceMs) / 1000;
  const ledger = await lab.ledger(ids);
  reportFault(report, {
    fault: "statement_timeout = 5 ms for the whole database",
    times: 1,
    ...ledger,
    secondsToRecover,
    note: "a handler whose own statement was cut ran again",
  });
  expect(ledger).toMatchObject({ jobsIn: 30, done: 30, lost: 0 });
  await endWell(cli);
});

test("handlers that hold every connection of theirs don't stop the queue", async () => {
  const nest = `export default async (_, ctx) => {
    await ctx.withPgClient(async (client) => {
      await client.query("insert into runs (job_id, pid, attempt) values ($1, $2, $3)", [
        ctx.jobId, process.pid, ctx.attempt,
      ]);
      await new Promise((go) => setTimeout(go, 500));
      if (ctx.attempt === 1) await ctx.query("select 1");
    });
  };`;
  const plain = "export default () => null;";
  await using lab = await FaultLab.open({
    tasks: { "tasks/nest.ts": nest, "tasks/plain.ts": plain },
  });
  const cli = await lab.start("--concurrency", "20", "--handler-pool-size", "4");
  const nested = await lab.add("nest", 8);
  await lab.until("(select count(*) from runs) = 4");
  const sinceMs = performance.now();
  const others = await lab.add("plain", 50);
  await lab.until("(select count(*) from taskrun.history where task = 'plain') = 50");
  const secondsToRecover = (performance.now() - sinceMs) / 1000;
  await lab.untilDone();
  const ledger = await lab.ledger([...nested, ...others]);
  reportFault(report, {
    fault: "handlers hold all their connections and want more",
    times: 1,
    ...ledger,
    secondsToRecover,
    note: "those that waited in vain for a connection ran again",
  });
  expect(ledger).toMatchObject({ jobsIn: 58, done: 58, lost: 0 });
  const { error } = await lab.ask<{ error: string }>(
    "select error_message as error from taskrun.attempts where error_message is not null order by job_id limit 1",
  );
  expect(error).toMatch(/nest.*connection.*handlerPoolSize/s);
  await endWell(cli);
});

test("no connection left for a while: the process goes on with those it has", async () => {
  await using server = await OwnServer.start();
  await using lab = await FaultLab.open({ server });
  const cli = await lab.start("--concurrency", "20");
  const admin = await server.connect();
  await admin.query("alter role app connection limit 3");
  await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'");
  await cli.says("waiting for the database");
  await pause(5_000);
  await admin.query("alter role app connection limit -1");
  const sinceMs = performance.now();
  const ids = await lab.add("work", 100, { ms: 10 });
  await lab.untilDone();
  const secondsToRecover = (performance.now() - sinceMs) / 1000;
  await admin.end();
  const ledger = await lab.ledger(ids);
  const fault = "too few connections for the role (53300)";
  reportFault(report, { fault, times: 1, ...ledger, secondsToRecover });
  expect(ledger).toMatchObject({ jobsIn: 100, done: 100, lost: 0 });
  await endWell(cli);
});

test("a frozen server of 20 s starts no rescue, and nothing runs twice", async () => {
  await using server = await OwnServer.start();
  await using lab = await FaultLab.open({ server });
  const flags = ["--heartbeat-interval", "500ms"];
  const clis = [await lab.start(...flags), await lab.start(...flags)];
  const gate = lab.gate();
  const ids = await lab.add("quiet", 30, { gate: gate.path });
  await lab.untilRunning(20);
  await server.freeze();
  await gate.open();
  await pause(20_000);
  server.thaw();
  const sinceMs = performance.now();
  await lab.untilDone();
  const secondsToRecover = (performance.now() - sinceMs) / 1000;
  const ledger = await lab.ledger(ids);
  const fault = "Postgres is frozen for 20 s";
  reportFault(report, { fault, times: 1, ...ledger, secondsToRecover });
  expect(ledger).toMatchObject({ jobsIn: 30, done: 30, lost: 0 });
  const { attempts } = await lab.ask<{ attempts: number }>(
    "select max(attempts)::int as attempts from taskrun.history",
  );
  expect(attempts).toBe(1);
  expect(await lab.holds("exists (select from taskrun.processes where dead_at is not null)")).toBe(
    false,
  );
  for (const cli of clis) await endWell(cli);
});

test("a crash of one of the server's own processes is waited out", async () => {
  await using server = await OwnServer.start();
  await using lab = await FaultLab.open({ server });
  const cli = await lab.start("--concurrency", "20");
  const ids: string[] = [];
  let slowest = 0;
  for (let time = 0; time < 3; time += 1) {
    ids.push(...(await lab.add("work", 40, { ms: 300 })));
    await lab.until("exists (select 1 from runs where ended_at is null)");
    await server.crash("walwriter");
    const sinceMs = performance.now();
    await lab.untilDone();
    slowest = Math.max(slowest, (performance.now() - sinceMs) / 1000);
  }
  const ledger = await lab.ledger(ids);
  reportFault(report, {
    fault: "kill -9 of one of Postgres's processes",
    times: 3,
    ...ledger,
    secondsToRecover: slowest,
    note: "a handler that failed by the server being away ran again",
  });
  expect(ledger).toMatchObject({ jobsIn: 120, done: 120, lost: 0 });
  await endWell(cli);
});
