import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { FaultLab } from "./support/fault-lab.ts";
import { reportFault } from "./support/fault-table.ts";

const report = inject("faultReport");

test("the jobs of a supervised process that is killed run elsewhere within 2 s", async () => {
  await using lab = await FaultLab.open();
  const supervisor = lab.spawn("--processes", "2", "--concurrency", "100");
  const [victim, other] = await bothPids(lab);
  // Both would share the jobs; all are to be in flight in the one that dies.
  process.kill(other, "SIGSTOP");
  const ids = await lab.add("work", 100, { ms: 4_000 });
  await lab.until("(select count(*) from runs where pid = $1) = 100", [victim]);
  // Killed once its heartbeat has told what it runs, as it has for all but the first moments.
  await lab.until("exists (select 1 from taskrun.processes where cardinality(running) = 100)");
  process.kill(other, "SIGCONT");
  const killedAtMs = performance.now();
  process.kill(victim, "SIGKILL");
  await lab.until("(select count(*) from runs) = 200");
  const secondsToRecover = (performance.now() - killedAtMs) / 1000;
  await lab.untilDone();
  const ledger = await lab.ledger(ids);
  reportFault(report, {
    fault: "kill -9 of one process of two under a supervisor, 100 jobs in flight",
    times: 1,
    ...ledger,
    secondsToRecover,
    note: "the attempts in flight ran again",
  });
  expect(ledger).toEqual({ jobsIn: 100, done: 100, lost: 0, doubled: 100 });
  expect(secondsToRecover).toBeLessThan(2);
  expect(supervisor.child.exitCode).toBeNull();
});

test("processes that are replaced one by one under load lose and double nothing", async () => {
  await using lab = await FaultLab.open();
  const supervisor = lab.spawn("--processes", "2", "--concurrency", "20");
  await bothPids(lab);
  const times = 3;
  const ids: string[] = [];
  for (let round = 0; round < times; round += 1) {
    const before = await bothPids(lab);
    supervisor.kill("SIGUSR2");
    // Jobs come all the while, one by one, as an application adds them.
    while ((await alivePids(lab)).some((pid) => before.includes(pid))) {
      ids.push(...(await lab.add("work", 1, { ms: 30 })));
    }
  }
  await lab.untilDone();
  const ledger = await lab.ledger(ids);
  reportFault(report, {
    fault: "all processes replaced one by one under load (SIGUSR2)",
    times,
    ...ledger,
    secondsToRecover: null,
  });
  const jobsIn = ids.length;
  expect(ledger).toEqual({ jobsIn, done: jobsIn, lost: 0, doubled: 0 });
});

async function alivePids(lab: FaultLab): Promise<number[]> {
  const { rows } = await lab.db.query("select pid from taskrun.processes where dead_at is null");
  return rows.map(({ pid }) => pid);
}

/** Waits until two processes work. */
async function bothPids(lab: FaultLab): Promise<[number, number]> {
  for (;;) {
    const [first, second, third] = await alivePids(lab);
    if (first !== undefined && second !== undefined && third === undefined) return [first, second];
    await sleep(20);
  }
}
