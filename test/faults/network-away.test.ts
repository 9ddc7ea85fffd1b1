import { expect, inject, test } from "vitest";
import { pause } from "../../src/store/transient.ts";
import type { RunningCli } from "../support/run-cli.ts";
import { SeveredProxy } from "../support/severed-proxy.ts";
import { FaultLab } from "./support/fault-lab.ts";
import { reportFault, reportSkipped } from "./support/fault-table.ts";
import { hostsFile, missingForHosts } from "./support/hosts-file.ts";

const report = inject("faultReport");

/** Ends it and expects that it had nothing to complain of. */
async function endWell(cli: RunningCli): Promise<void> {
  expect(cli.child.exitCode).toBeNull();
  cli.kill("SIGTERM");
  expect((await cli.ended).code).toBe(0);
}

/** How long until each of these jobs has ended, in seconds. */
async function secondsUntilDone(lab: FaultLab): Promise<number> {
  const sinceMs = performance.now();
  await lab.untilDone();
  return (performance.now() - sinceMs) / 1000;
}

const throughProxy = async (lab: FaultLab, ...flags: string[]) => {
  const { proxy, url } = await SeveredProxy.to(lab.url);
  return { proxy, cli: await lab.startWith({ url, flags }) };
};

test("a connection that listens and is cut comes back at once; what came meanwhile runs", async () => {
  await using lab = await FaultLab.open();
  // So long that only the message, or the look after a reconnect, can be what finds the jobs.
  const cli = await lab.start("--poll-interval", "10m");
  const ids: string[] = [];
  let slowest = 0;
  for (let time = 0; time < 5; time += 1) {
    await lab.until(
      "exists (select from pg_stat_activity where datname = current_database() " +
        "and application_name = 'taskrun listen' and state = 'idle')",
    );
    await lab.db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'taskrun listen'`,
    );
    ids.push(...(await lab.add("work", 10, { ms: 10 })));
    slowest = Math.max(slowest, await secondsUntilDone(lab));
  }
  const ledger = await lab.ledger(ids);
  const fault = "the LISTEN connection is cut";
  reportFault(report, { fault, times: 5, ...ledger, secondsToRecover: slowest });
  expect(ledger).toEqual({ jobsIn: 50, done: 50, lost: 0, doubled: 0 });
  await endWell(cli);
});

test("connections that go silent without being closed are found and replaced within 15 s", async () => {
  await using lab = await FaultLab.open();
  const { proxy, cli } = await throughProxy(lab, "--concurrency", "20");
  await using _proxy = proxy;
  const gate = lab.gate();
  const ids = [...(await lab.add("work", 20, { gate: gate.path, ms: 1 }))];
  await lab.untilRunning(20);
  proxy.silence();
  const silencedAtMs = performance.now();
  await gate.open();
  ids.push(...(await lab.add("work", 20, { ms: 10 })));
  await lab.until("(select count(distinct job_id) from runs) = 40");
  const secondsToRecover = (performance.now() - silencedAtMs) / 1000;
  await lab.untilDone();
  const ledger = await lab.ledger(ids);
  reportFault(report, {
    fault: "all connections go silent (half-open)",
    times: 1,
    ...ledger,
    secondsToRecover,
    note: "a handler whose own query was never answered ran again",
  });
  expect(ledger).toMatchObject({ jobsIn: 40, done: 40, lost: 0 });
  expect(secondsToRecover).toBeLessThan(15);
  await endWell(cli);
});

test("a fetch whose reply is lost leaves no job behind: it runs within 10 s, uncounted", async () => {
  await using lab = await FaultLab.open();
  const { proxy, cli } = await throughProxy(lab);
  await using _proxy = proxy;
  const ids: string[] = [];
  let slowest = 0;
  for (let time = 0; time < 3; time += 1) {
    const lost = proxy.loseReply("taskrun fetch");
    ids.push(...(await lab.add("work", 10, { ms: 10 }, "max_attempts := 1")));
    await lost;
    slowest = Math.max(slowest, await secondsUntilDone(lab));
  }
  const ledger = await lab.ledger(ids);
  const fault = "the reply to a fetch is lost (ghost locks)";
  reportFault(report, { fault, times: 3, ...ledger, secondsToRecover: slowest });
  expect(ledger).toEqual({ jobsIn: 30, done: 30, lost: 0, doubled: 0 });
  const { attempts } = await lab.ask<{ attempts: number }>(
    "select max(attempts)::int as attempts from taskrun.history where state = 'completed'",
  );
  expect(attempts).toBe(1);
  expect(slowest).toBeLessThan(10);
  await endWell(cli);
});

test("an outcome whose reply is lost is written once", async () => {
  await using lab = await FaultLab.open({
    tasks: { "tasks/bad.ts": `export default () => { throw new Error("bad"); };` },
  });
  const { proxy, cli } = await throughProxy(lab);
  await using _proxy = proxy;
  const ids: string[] = [];
  let slowest = 0;
  for (const [task, statement] of [
    ["work", "taskrun settle plain"],
    ["bad", "taskrun settle others"],
  ] as const) {
    const lost = proxy.loseReply(statement);
    ids.push(...(await lab.add(task, 10, { ms: 10 }, "max_attempts := 1")));
    await lost;
    slowest = Math.max(slowest, await secondsUntilDone(lab));
  }
  const ledger = await lab.ledger(ids);
  const fault = "the reply to an outcome is lost (commit unknown)";
  reportFault(report, { fault, times: 2, ...ledger, secondsToRecover: slowest });
  expect(ledger).toEqual({ jobsIn: 20, done: 20, lost: 0, doubled: 0 });
  const { counts } = await lab.ask<{ counts: object }>(
    `select json_object_agg(state, n) as counts from
       (select state, count(*)::int as n from taskrun.history group by 1) s`,
  );
  expect(counts).toEqual({ completed: 10, failed: 10 });
  await endWell(cli);
});

test("the way to the database is cut for 30 s: jobs go on and nothing runs twice", async () => {
  await using lab = await FaultLab.open();
  const { proxy, cli } = await throughProxy(lab, "--concurrency", "20");
  await using _proxy = proxy;
  const gate = lab.gate();
  const ids = [...(await lab.add("quiet", 20, { gate: gate.path }))];
  await lab.untilRunning(20);
  await proxy.cut();
  await gate.open();
  ids.push(...(await lab.add("quiet", 20, { ms: 10 })));
  await pause(30_000);
  await cli.says("waiting for the database");
  await proxy.mend();
  const secondsToRecover = await secondsUntilDone(lab);
  await cli.says("the database answers again");
  const { attempts } = await lab.ask<{ attempts: number }>(
    "select max(attempts)::int as attempts from taskrun.history",
  );
  const ledger = await lab.ledger(ids);
  reportFault(report, { fault: "an outage of 30 s", times: 1, ...ledger, secondsToRecover });
  expect(ledger).toMatchObject({ jobsIn: 40, done: 40, lost: 0 });
  expect(attempts).toBe(1);
  await endWell(cli);
});

test("notifications that anybody may send do nothing", async () => {
  await using lab = await FaultLab.open();
  const cli = await lab.start();
  const forged = [
    ["worker:migrate", '{"breaking":true}'],
    ["jobs:insert", "not json"],
    ["jobs:insert", `{"a":"${"x".repeat(7_000)}"}`],
    ["jobs:insert", "null"],
    ["taskrun:control", "not json"],
    ["taskrun:control", '{"cancel":{"__proto__":[]}}'],
    ["taskrun:control", "[[[[[[[[]]]]]]]]"],
  ];
  for (const [channel, text] of forged) {
    await lab.db.query("select pg_notify($1, $2)", [channel, text]);
  }
  const ids = await lab.add("work", 20, { ms: 10 });
  const secondsToRecover = await secondsUntilDone(lab);
  const ledger = await lab.ledger(ids);
  const fault = "forged and garbage notifications";
  reportFault(report, { fault, times: forged.length, ...ledger, secondsToRecover });
  expect(ledger).toEqual({ jobsIn: 20, done: 20, lost: 0, doubled: 0 });
  expect(cli.stdout).not.toMatch(/"level":(50|60)/);
  await endWell(cli);
});

test("a database that moves to another address is found by its name", async ({ skip }) => {
  const fault = "failover to another address, by name";
  const missing = await missingForHosts();
  if (missing !== null) {
    reportSkipped(report, fault, missing);
    return skip(missing);
  }
  await using lab = await FaultLab.open();
  const before = await SeveredProxy.to(lab.url, { host: "127.0.0.1" });
  await using _before = before.proxy;
  const port = Number(new URL(before.url).port);
  const after = await SeveredProxy.to(lab.url, { host: "127.0.0.2", port });
  await using _after = after.proxy;
  await using hosts = await hostsFile({ "db.taskrun.test": "127.0.0.1" });
  const url = before.url.replace("127.0.0.1", "db.taskrun.test");
  const cli = await lab.startWith({ url, within: hosts.within, flags: ["--concurrency", "20"] });
  const ids = [...(await lab.add("work", 20, { ms: 10 }))];
  await lab.untilDone();
  expect(after.proxy.connections).toBe(0);
  await before.proxy.cut();
  await hosts.move({ "db.taskrun.test": "127.0.0.2" });
  ids.push(...(await lab.add("work", 20, { ms: 10 })));
  const secondsToRecover = await secondsUntilDone(lab);
  expect(after.proxy.connections).toBeGreaterThan(0);
  const ledger = await lab.ledger(ids);
  reportFault(report, { fault, times: 1, ...ledger, secondsToRecover });
  expect(ledger).toEqual({ jobsIn: 40, done: 40, lost: 0, doubled: 0 });
  await endWell(cli);
});

test("a server that becomes read-only is waited for, and no job is blamed", async () => {
  await using lab = await FaultLab.open();
  const cli = await lab.start("--concurrency", "20");
  const quiet = await lab.add("work", 20, { ms: 200 });
  await lab.until("(select count(*) from runs) > 0");
  const set = (value: string) =>
    lab.db.query(
      `do $$ begin execute format('alter database %I set default_transaction_read_only = ${value}',
         current_database()); end $$`,
    );
  await set("on");
  // As when a primary steps down: it ends its sessions, and takes new ones for reading only.
  await lab.db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()`,
  );
  await cli.says("read-only");
  await pause(3_000);
  await lab.db.query("begin; set transaction read write; select 1; commit");
  const client = await lab.db.connect();
  await client.query("set default_transaction_read_only = off");
  await client.query(
    `do $$ begin execute format('alter database %I reset default_transaction_read_only',
       current_database()); end $$`,
  );
  client.release(true);
  const secondsToRecover = await secondsUntilDone(lab);
  const ledger = await lab.ledger(quiet);
  reportFault(report, {
    fault: "the server becomes read-only (25006)",
    times: 1,
    ...ledger,
    secondsToRecover,
    note: "a handler whose own write was refused ran again",
  });
  expect(ledger).toMatchObject({ jobsIn: 20, done: 20, lost: 0 });
  const { n } = await lab.ask<{ n: number }>(
    "select count(*)::int as n from taskrun.history where state <> 'completed'",
  );
  expect(n).toBe(0);
  await endWell(cli);
});
