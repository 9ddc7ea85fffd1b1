import { expect, inject, test } from "vitest";
import { FaultLab } from "./support/fault-lab.ts";
import { reportFault } from "./support/fault-table.ts";
import { killAtMoments } from "./support/kill-at-moments.ts";

const report = inject("faultReport");

test("the jobs of one of three killed processes run elsewhere within 15 s", async () => {
  await using lab = await FaultLab.open();
  const flags = ["--concurrency", "100"];
  const victim = await lab.start(...flags);
  const gate = lab.gate();
  const ids = await lab.add("work", 100, { gate: gate.path });
  await lab.until("(select count(*) from runs) = 100");
  await lab.start(...flags);
  await lab.start(...flags);
  // Killed once its heartbeat has told what it runs, as it has for all but the first moments.
  await lab.untilRunning(100);
  const killedAtMs = performance.now();
  victim.kill("SIGKILL");
  await lab.until("(select count(*) from runs) = 200");
  const secondsToRecover = (performance.now() - killedAtMs) / 1000;
  await gate.open();
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

test("a job whose last attempt is killed has failed, and says why", async () => {
  await using lab = await FaultLab.open();
  const victim = await lab.start();
  const gate = lab.gate();
  const ids = await lab.add("work", 10, { gate: gate.path }, "max_attempts := 1");
  await lab.untilRunning(10);
  await lab.start();
  const killedAtMs = performance.now();
  victim.kill("SIGKILL");
  await lab.until("(select count(*) from taskrun.history) = 10");
  const secondsToRecover = (performance.now() - killedAtMs) / 1000;
  const ledger = await lab.ledger(ids);
  const fault = "kill -9 on the last attempt: failed, with the reason";
  reportFault(report, { fault, times: 1, ...ledger, secondsToRecover });
  expect(ledger).toEqual({ jobsIn: 10, done: 10, lost: 0, doubled: 0 });
  expect(secondsToRecover).toBeLessThan(15);
  const { reasons } = await lab.ask<{ reasons: string[] }>(
    "select array_agg(distinct state || ': ' || error) as reasons from taskrun.history",
  );
  expect(reasons).toEqual([expect.stringMatching(/^failed: process died \(.* is gone\)$/)]);
});

test("a process that runs out of memory costs its neighbours one attempt", async () => {
  await using lab = await FaultLab.open({
    tasks: {
      "tasks/greedy.ts": `export default async (_, ctx) => {
        const kept = [];
        for (;;) {
          for (let n = 0; n < 1_000; n += 1) kept.push({ n, text: "x".repeat(n) + n });
          await new Promise((resolve) => setImmediate(resolve));
        }
      };`,
    },
  });
  const victim = await lab.startWith({ nodeFlags: ["--max-old-space-size=64"] });
  const gate = lab.gate();
  const neighbours = await lab.add("quiet", 5, { gate: gate.path });
  await lab.untilRunning(5);
  const [greedy = ""] = await lab.add("greedy", 1, {}, "max_attempts := 1");
  expect((await victim.ended).signal).not.toBeNull();
  const diedAtMs = performance.now();
  await gate.open();
  await lab.start();
  await lab.untilDone();
  const secondsToRecover = (performance.now() - diedAtMs) / 1000;
  const ledger = await lab.ledger([...neighbours, greedy]);
  const fault = "out of memory";
  reportFault(report, { fault, times: 1, ...ledger, secondsToRecover });
  expect(ledger).toMatchObject({ jobsIn: 6, done: 6, lost: 0 });
  const ends = await lab.ask<{ states: object }>(
    "select json_object_agg(task || ' ' || state, attempts) as states from taskrun.history",
  );
  expect(ends.states).toEqual({ "quiet completed": 2, "greedy failed": 1 });
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
  const supervised = Promise.allSettled([supervise(), supervise()]);
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
  await supervised;
});

// Each kill waits for a process to come up. On a busy machine that takes a second and more.
const killsMs = 600_000;

test("200 kills at random moments under load leave each job with one record", {
  timeout: killsMs,
}, async () => {
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
