import { expect, inject, test } from "vitest";
import { pause } from "../../src/store/transient.ts";
import { FaultLab } from "./support/fault-lab.ts";
import { reportFault } from "./support/fault-table.ts";
import { OwnServer } from "./support/own-server.ts";

const report = inject("faultReport");

const ways = {
  "kill -9 of Postgres": (server: OwnServer) => server.kill(),
  "immediate stop of Postgres": (server: OwnServer) => server.stop("immediate"),
  "fast restart of Postgres": (server: OwnServer) => server.stop("fast"),
};

/** How long the server runs between two faults, and how long this goes on. */
const rounds: Record<keyof typeof ways, { forMs: number; everyMs: number }> = {
  "kill -9 of Postgres": { forMs: 120_000, everyMs: 5_000 },
  "immediate stop of Postgres": { forMs: 15_000, everyMs: 2_000 },
  "fast restart of Postgres": { forMs: 15_000, everyMs: 2_000 },
};

// why: the keys of the table
const faults = Object.keys(ways) as (keyof typeof ways)[];

test.each(faults)("%s, again and again under load: every job is done", async (fault) => {
  await using server = await OwnServer.start();
  await using lab = await FaultLab.open({ server });
  const cli = await lab.start("--concurrency", "20");
  const { forMs, everyMs } = rounds[fault];
  const ids: string[] = [];
  let adding = true;
  // 200 jobs of 50 ms a second, as far as the server is there to accept them.
  const add = async () => {
    while (adding) {
      ids.push(...(await lab.add("work", 20, { ms: 50 }).catch(() => [])));
      await pause(100);
    }
  };
  const added = add();
  let longestMs = 0;
  let times = 0;
  const untilMs = performance.now() + forMs;
  while (performance.now() < untilMs) {
    await pause(everyMs);
    times += 1;
    await ways[fault](server);
    await server.start();
    const backAtMs = performance.now();
    await lab.until("exists (select 1 from runs where began_at > $1)", [
      (await lab.ask<{ now: Date }>("select clock_timestamp() as now")).now,
    ]);
    longestMs = Math.max(longestMs, performance.now() - backAtMs);
  }
  adding = false;
  await added;
  await lab.untilDone();
  const ledger = await lab.ledger(ids);
  reportFault(report, {
    fault,
    times,
    ...ledger,
    secondsToRecover: longestMs / 1000,
    note: "a handler that failed by the server being away ran again",
  });
  expect(ledger).toMatchObject({ jobsIn: ids.length, done: ids.length, lost: 0 });
  const { n } = await lab.ask<{ n: number }>(
    "select count(*)::int as n from taskrun.history where state <> 'completed'",
  );
  expect(n).toBe(0);
  // The process was never restarted: it is the one that was started first, and it ends well.
  expect(cli.child.exitCode).toBeNull();
  cli.kill("SIGTERM");
  expect((await cli.ended).code).toBe(0);
});

test("sessions that are terminated in a loop cost no job", async () => {
  await using server = await OwnServer.start();
  await using lab = await FaultLab.open({ server });
  const cli = await lab.start("--concurrency", "20");
  const ids = await lab.add("work", 1_000, { ms: 20 });
  let times = 0;
  while ((await lab.ask<{ n: number }>("select count(*)::int as n from taskrun.history")).n < 900) {
    const { n } = await lab.ask<{ n: number }>(
      `select count(pg_terminate_backend(pid))::int as n from pg_stat_activity
       where application_name like 'taskrun%' and random() < 0.3`,
    );
    times += n;
    await pause(50);
  }
  const endedAtMs = performance.now();
  await lab.untilDone();
  const ledger = await lab.ledger(ids);
  reportFault(report, {
    fault: "sessions terminated",
    times,
    ...ledger,
    secondsToRecover: (performance.now() - endedAtMs) / 1000,
    note: "a handler whose own query was cut ran again",
  });
  expect(ledger).toMatchObject({ jobsIn: 1_000, done: 1_000, lost: 0 });
  expect(times).toBeGreaterThan(20);
  cli.kill("SIGTERM");
  expect((await cli.ended).code).toBe(0);
});
