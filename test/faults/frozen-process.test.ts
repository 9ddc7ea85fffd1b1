import { expect, inject, test } from "vitest";
import { pause } from "../../src/store/transient.ts";
import { FaultLab } from "./support/fault-lab.ts";
import { reportFault } from "./support/fault-table.ts";

const report = inject("faultReport");

test("a process that was frozen for a minute changes nothing when it wakes up", async () => {
  await using lab = await FaultLab.open();
  const frozen = await lab.start("--concurrency", "20");
  const ids = await lab.add("work", 20, { ms: 10_000 });
  await lab.until("exists (select 1 from taskrun.processes where cardinality(running) = 20)");
  frozen.kill("SIGSTOP");
  const stoppedAtMs = performance.now();
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
