import { randomInt } from "node:crypto";
import { expect, inject, test } from "vitest";
import { pause } from "../../src/store/transient.ts";
import { randomNumbers } from "../support/random-numbers.ts";
import type { RunningCli } from "../support/run-cli.ts";
import { FaultLab } from "./support/fault-lab.ts";
import { reportFault } from "./support/fault-table.ts";
import { OwnServer } from "./support/own-server.ts";

const report = inject("faultReport");

/** `TASKRUN_FAULT_SEED=…` repeats the order of the faults. */
const seed = Number(process.env.TASKRUN_FAULT_SEED ?? randomInt(1_000_000));
const seconds = Number(process.env.TASKRUN_FAULT_SECONDS ?? 60);

const flags = ["--heartbeat-interval", "500ms", "--concurrency", "10"];

/** A process that a supervisor starts again, as long as it is wanted. */
class Supervised {
  current: RunningCli;
  readonly over: Promise<void>;
  #wanted = true;

  constructor(lab: FaultLab) {
    this.current = lab.spawn(...flags);
    this.over = this.#keep(lab);
  }

  stop(): Promise<void> {
    this.#wanted = false;
    this.current.kill("SIGCONT");
    this.current.kill("SIGTERM");
    return this.over;
  }

  async #keep(lab: FaultLab): Promise<void> {
    for (;;) {
      await this.current.ended;
      if (!this.#wanted) return;
      await pause(200);
      this.current = lab.spawn(...flags);
    }
  }
}

test(`everything at once, seed ${seed}: each accepted job has one record, and no lock is left`, async () => {
  process.stdout.write(`nemesis: TASKRUN_FAULT_SEED=${seed} TASKRUN_FAULT_SECONDS=${seconds}\n`);
  await using server = await OwnServer.start();
  await using lab = await FaultLab.open({ server });
  const random = randomNumbers(seed);
  const pick = <T>(from: readonly T[]): T => {
    const picked = from[Math.floor(random() * from.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  };
  const processes = [new Supervised(lab), new Supervised(lab), new Supervised(lab)];
  const faults: Record<string, () => Promise<unknown>> = {
    "kill -9": async () => pick(processes).current.kill("SIGKILL"),
    freeze: async () => {
      const { current } = pick(processes);
      current.kill("SIGSTOP");
      // Longer than it takes to be held for dead, now and then.
      await pause(random() * 6_000);
      current.kill("SIGCONT");
    },
    "terminate sessions": () =>
      lab.db.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name like 'taskrun%' and random() < 0.5`,
      ),
    "immediate restart": async () => {
      await server.stop("immediate");
      await pause(random() * 1_000);
      await server.start();
    },
    "kill -9 of Postgres": async () => {
      await server.kill();
      await server.start();
    },
  };
  const ids: string[] = [];
  const untilMs = performance.now() + seconds * 1_000;
  const add = async () => {
    while (performance.now() < untilMs) {
      const queue = random() < 0.2 ? `queue_name := 'line ${Math.floor(random() * 3)}'` : "";
      const added = lab.add("work", 5, { ms: Math.floor(random() * 200) }, queue);
      ids.push(...(await added.catch(() => [])));
      await pause(150);
    }
  };
  const adding = add();
  let times = 0;
  while (performance.now() < untilMs) {
    await pause(300 + random() * 1_500);
    await faults[pick(Object.keys(faults))]?.().catch(() => {});
    times += 1;
  }
  await adding;
  const sinceMs = performance.now();
  // Those that were hit often wait longest; the test need not.
  await lab.until("true");
  await lab.db.query("update graphile_worker._private_jobs set run_at = least(run_at, now())");
  await lab.untilDone();
  const secondsToRecover = (performance.now() - sinceMs) / 1000;
  await Promise.all(processes.map((each) => each.stop()));
  const ledger = await lab.ledger(ids);
  reportFault(report, {
    fault: `everything at once (seed ${seed})`,
    times,
    ...ledger,
    secondsToRecover,
    note: "attempts in flight in what was killed or frozen ran again",
  });
  expect(ledger).toMatchObject({ jobsIn: ids.length, done: ids.length, lost: 0 });
  const left = await lab.ask(
    `select
       (select count(*)::int from graphile_worker._private_jobs
         where locked_at is not null) as jobs,
       (select count(*)::int from graphile_worker._private_job_queues
         where locked_at is not null) as queues,
       (select count(*)::int from unnest($1::bigint[]) id
         where not exists (select 1 from runs where job_id = id)) as unrun`,
    [ids],
  );
  expect(left).toEqual({ jobs: 0, queues: 0, unrun: 0 });
  // More than one record can't be: the table has one row for each job. What failed has been
  // running in three processes when they were killed.
  const { odd } = await lab.ask<{ odd: number }>(
    `select count(*)::int as odd from taskrun.history
     where not (state = 'completed' and output ->> 'job' = job_id::text)
       and not (state = 'failed' and error like '%processes when they died')`,
  );
  expect(odd).toBe(0);
});
