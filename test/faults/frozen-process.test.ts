import { expect, inject, test } from "vitest";
import { pause } from "../../src/store/transient.ts";
import { FaultLab } from "./support/fault-lab.ts";
import { reportFault } from "./support/fault-table.ts";

const report = inject("faultReport");

test("a process that was frozen for a minute changes nothing when it wakes up", async () => {
  await using lab = await FaultLab.open();
  const frozen = await lab.start("--concurrency", "20");
  const gate = lab.gate();
  const ids = await lab.add("work", 20, { gate: gate.path });
  await lab.untilRunning(20);
  frozen.kill("SIGSTOP");
  const stoppedAtMs = performance.now();
  await gate.open();
  const other = await lab.start("--concurrency", "20");
  await lab.until("(select count(*) from taskrun.history) = 20");
  const secondsToRecover = (performance.now() - stoppedAtMs) / 1000;
  const records = await lab.ask<{ text: string }>(
    "select json_agg(h order by job_id)::text as text from taskrun.history h",
  );
  await pause(Math.max(0, 60_000 - (performance.now() - stoppedAtMs)));
  frozen.kill("SIGCONT");
  // It knows: it goes on under another id, and does what comes.
  await lab.until("(select count(distinct id) from taskrun.processes where pid = $1) = 2", [
    frozen.child.pid,
  ]);
  other.kill("SIGTERM");
  await other.ended;
  const [later = ""] = await lab.add("work", 1, { ms: 1 });
  await lab.untilDone();
  const ledger = await lab.ledger([...ids, later]);
  reportFault(report, {
    fault: "a process frozen for a minute (SIGSTOP, SIGCONT)",
    times: 1,
    ...ledger,
    secondsToRecover,
    note: "the attempts in flight ran again",
  });
  expect(ledger).toEqual({ jobsIn: 21, done: 21, lost: 0, doubled: 20 });
  expect(
    await lab.ask(
      "select json_agg(h order by job_id)::text as text from taskrun.history h where job_id <> $1",
      [later],
    ),
  ).toEqual(records);
  frozen.kill("SIGTERM");
  expect((await frozen.ended).code).toBe(0);
});

const busy = {
  "tasks/busy.ts": `export default async ({ ms }, ctx) => {
    await ctx.query("insert into runs (job_id, pid, attempt) values ($1, $2, $3)", [
      ctx.jobId, process.pid, ctx.attempt,
    ]);
    const until = Date.now() + ms;
    while (Date.now() < until);
  };`,
  // Before anything of the process has had its turn.
  "tasks/busyAtOnce.ts": `export default ({ ms }) => {
    const until = Date.now() + ms;
    while (Date.now() < until);
  };`,
};

test("a handler that blocks its process for longer than a rescue takes keeps its jobs", async () => {
  await using lab = await FaultLab.open({ tasks: busy });
  const flags = ["--heartbeat-interval", "1s"];
  const blocked = await lab.start(...flags);
  const gate = lab.gate();
  const ids = [...(await lab.add("work", 5, { gate: gate.path }))];
  await lab.untilRunning(5);
  // Six looks of a second each would be enough to bury it.
  ids.push(...(await lab.add("busy", 1, { ms: 20_000 })));
  await lab.until("exists (select 1 from runs where job_id = $1)", [ids.at(-1)]);
  await lab.start(...flags);
  await gate.open();
  await lab.untilDone();
  const ledger = await lab.ledger(ids);
  const fault = "an event loop that is blocked for 20 s";
  reportFault(report, { fault, times: 1, ...ledger, secondsToRecover: null });
  expect(ledger).toEqual({ jobsIn: 6, done: 6, lost: 0, doubled: 0 });
  blocked.kill("SIGTERM");
  expect((await blocked.ended).code).toBe(0);
});

test("it keeps them also when it is the first thing that an idle process does", async () => {
  await using lab = await FaultLab.open({ tasks: busy });
  const flags = ["--heartbeat-interval", "1s"];
  const blocked = await lab.start(...flags);
  await lab.until("(select beat_seq from taskrun.processes) > 2");
  const ids = await lab.add("busyAtOnce", 1, { ms: 20_000 });
  await lab.until("exists (select from graphile_worker._private_jobs where locked_at is not null)");
  await lab.start(...flags);
  await lab.until("(select count(*) from taskrun.history) = 1");
  const { n, attempts } = await lab.ask<{ n: number; attempts: number }>(
    `select count(*) filter (where dead_at is not null)::int as n,
       (select attempts from taskrun.history where job_id = $1) as attempts from taskrun.processes`,
    [...ids],
  );
  reportFault(report, {
    fault: "an event loop that is blocked for 20 s by the first job of an idle process",
    times: 1,
    jobsIn: 1,
    done: 1,
    lost: 0,
    doubled: attempts - 1,
    secondsToRecover: null,
  });
  expect({ n, attempts }).toEqual({ n: 0, attempts: 1 });
  blocked.kill("SIGTERM");
  expect((await blocked.ended).code).toBe(0);
});
