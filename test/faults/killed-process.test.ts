import { expect, inject, test } from "vitest";
import { FaultLab } from "./support/fault-lab.ts";
import { reportFault } from "./support/fault-table.ts";
import { killAtMoments } from "./support/kill-at-moments.ts";

const report = inject("faultReport");

test("the jobs of one of three killed processes run elsewhere within 15 s", async () => {
  await using lab = await FaultLab.open();
  const flags = ["--concurrency", "100"];
  const victim = await lab.start(...flags);
  const ids = await lab.add("work", 100, { ms: 4_000 });
  await lab.until("(select count(*) from runs) = 100");
  await lab.start(...flags);
  await lab.start(...flags);
  // Killed once its heartbeat has told what it runs, as it has for all but the first moments.
  await lab.until("exists (select 1 from taskrun.processes where cardinality(running) = 100)");
  const killedAtMs = performance.now();
  victim.kill("SIGKILL");
  await lab.until("(select count(*) from runs) = 200");
  const secondsToRecover = (performance.now() - killedAtMs) / 1000;
  await lab.untilDone();
  const ledger = await lab.ledger(ids);
  reportFault(report, {
    fault: "kill -9 of one process of three, 100 jobs in flight",
    times: 1,
    ...ledger,
    secondsToRecover,
    note: "the attempts in flight ran again",
  });
  expect(ledger).toEqual({ jobsIn: 100, done: 100, lost: 0, doubled: 100 });
  expect(secondsToRecover).toBeLessThan(15);
});

test("a job that kills its process fails after three of them; its neighbours lose nothing", async () => {
  await using lab = await FaultLab.open({
    tasks: { "tasks/poison.ts": `export default () => process.kill(process.pid, "SIGKILL");` },
  });
  const flags = ["--heartbeat-interval", "200ms", "--concurrency", "4"];
  const neighbours = await lab.add("work", 40, { ms: 200 }, "max_attempts := 3, priority := 1");
  const [poison = ""] = await lab.add("poison", 1, {}, "max_attempts := 25");
  let times = 0;
  // As a supervisor would: when it dies, another takes its place.
  const supervise = async () => {
    for (;;) {
      const { signal } = await lab.spawn(...flags).ended;
      if (signal !== "SIGKILL") return;
      times += 1;
    }
  };
  const supervised = [supervise(), supervise()];
  await lab.untilDone();
  const ledger = await lab.ledger([...neighbours, poison]);
  const { state, error, attempts } = await lab.ask<Record<string, unknown>>(
    "select state, error, attempts from taskrun.jobs where id = $1",
    [poison],
  );
  expect(state).toBe("failed");
  expect(error).toMatch(/process died.*3 processes/);
  expect(attempts).toBeLessThanOrEqual(4);
  const { n } = await lab.ask<{ n: number }>(
    "select count(*)::int as n from taskrun.history where state = 'completed'",
  );
  expect(n).toBe(40);
  expect(ledger).toMatchObject({ done: 41, lost: 0 });
  reportFault(report, {
    fault: "a job that kills its process",
    times,
    ...ledger,
    secondsToRecover: null,
    note: "it failed; what ran beside it ran again",
  });
  await lab.stopAll();
  await Promise.all(supervised);
});

test("200 kills at random moments under 2,000 jobs leave each with one record", async () => {
  await using lab = await FaultLab.open();
  const ledger = await killAtMoments(lab, { jobs: 2000, kills: 200 });
  reportFault(report, {
    fault: "kill -9 at random moments",
    times: 200,
    ...ledger,
    secondsToRecover: null,
    note: "the attempts in flight ran again",
  });
});
