/**
 * Kills processes at random moments of their work, one after the other, always with another one
 * beside, until every job has ended; then checks what is left of each job. While there are kills
 * to come there are jobs to do, however much is done between two of them.
 */

import { expect } from "vitest";
import { pause } from "../../../src/store/transient.ts";
import { randomNumbers } from "../../support/random-numbers.ts";
import type { FaultLab, Ledger } from "./fault-lab.ts";

const jobMs = 100;
const concurrency = 10;

export async function killAtMoments(
  lab: FaultLab,
  { jobs, kills }: { readonly jobs: number; readonly kills: number },
): Promise<Ledger> {
  const start = () => lab.spawn("--heartbeat-interval", "100ms");
  const ids = [...(await lab.add("work", jobs, { ms: jobMs }))];
  const topUp = async () => {
    const { due } = await lab.ask<{ due: number }>(
      "select count(*)::int as due from taskrun.jobs where state = 'pending'",
    );
    const few = concurrency * 10;
    if (due < few) ids.push(...(await lab.add("work", few, { ms: jobMs })));
  };
  const random = randomNumbers(7);
  const killed: number[] = [];
  let next = start();
  for (let kill = 0; kill < kills; kill += 1) {
    const victim = next;
    const pid = victim.child.pid ?? 0;
    // Gives the jobs of the dead away meanwhile.
    next = start();
    await topUp();
    await lab.until("exists (select 1 from runs where pid = $1)", [pid]);
    await pause(random() * jobMs * 2);
    victim.kill("SIGKILL");
    await victim.ended;
    killed.push(pid);
  }
  // Those that were hit often wait longest; the test need not.
  await lab.db.query("update graphile_worker._private_jobs set run_at = least(run_at, now())");
  await lab.untilDone();

  const ledger = await lab.ledger(ids);
  expect(ledger).toMatchObject({ jobsIn: ids.length, done: ids.length, lost: 0 });
  const ends = await lab.ask<Record<string, number>>(
    `select count(*) filter (where state = 'completed' and output ->> 'job' = job_id::text)::int
       as completed,
       count(*) filter (where state = 'failed' and error like '%processes when they died')::int
       as died from taskrun.history`,
  );
  // A job that was running in three processes when they were killed looks as if it killed them.
  expect((ends.completed ?? 0) + (ends.died ?? 0)).toBe(ids.length);
  // A run that isn't the one which ended the job was under way in a process that was killed.
  const { runs, at_once } = await lab.ask<{ runs: number; at_once: number }>(
    `select count(*)::int as runs, coalesce(max(of_process), 0)::int as at_once from (
       select count(*) over (partition by r.pid) as of_process
       from runs r join taskrun.history h on h.job_id = r.job_id
       where r.pid = any ($1) and split_part(h.process, '-', 2) <> r.pid::text
     ) as unfinished`,
    [killed],
  );
  expect(ledger.doubled).toBe(runs);
  // Some may have ended, and others begun, while the word of their end was on its way.
  expect(at_once).toBeLessThanOrEqual(concurrency * 2);
  return ledger;
}
