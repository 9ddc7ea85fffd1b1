import { closeSync, openSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { FaultLab } from "./support/fault-lab.ts";
import { reportFault } from "./support/fault-table.ts";

const report = inject("faultReport");

const versioned = (name: string, version: number) => `export default async (_, ctx) => {
  await ctx.query("insert into runs (job_id, pid, attempt) values ($1, $2, $3)", [
    ctx.jobId, process.pid, ctx.attempt,
  ]);
  return { name: ${JSON.stringify(name)}, version: ${version} };
};
`;

/**
 * Now beside it and by a new name, as editors do, and mostly in place: a disk that has to keep what
 * was cut off, or renamed, is not fast enough for thousands.
 */
function save(path: string, text: string, write: number): void {
  if (write % 50 === 0) {
    writeFileSync(`${path}.tmp`, text);
    renameSync(`${path}.tmp`, path);
    return;
  }
  const file = openSync(path, "r+");
  // Of one file each text is as long as the one before, or longer.
  writeSync(file, text, 0);
  closeSync(file);
}

test("2,000 saves a second for five seconds end with the last one, and no job is lost", async () => {
  const names = Array.from({ length: 50 }, (_, n) => `storm_${n}`);
  const files = names.map((name) => [`tasks/${name}.ts`, versioned(name, 0)]);
  await using lab = await FaultLab.open({ tasks: Object.fromEntries(files) });
  const cli = await lab.start("--watch");
  const ids = (await Promise.all(names.map((name) => lab.add(name, 20)))).flat();
  const perRound = 40;
  const rounds = 250;
  let write = 0;
  const startMs = performance.now();
  for (let round = 0; round < rounds; round += 1) {
    for (let n = 0; n < perRound; n += 1) {
      const name = names[write % names.length] ?? "";
      const text = versioned(name, Math.floor(write / names.length) + 1);
      save(lab.project.path(`tasks/${name}.ts`), text, write + Math.floor(write / names.length));
      write += 1;
    }
    await pause(Math.max(0, startMs + (round + 1) * 20 - performance.now()));
  }
  const stormMs = performance.now() - startMs;
  const last = Math.floor((write - 1) / 50) + 1;
  // Each file's last save is what runs, as soon as the process has followed.
  const later: string[] = [];
  const waiting = new Set(names);
  while (waiting.size > 0) {
    for (const name of waiting) {
      const [id = ""] = await lab.add(name, 1);
      later.push(id);
      await lab.until("exists (select 1 from taskrun.history where job_id = $1)", [id]);
      const { output } = await lab.ask<{ output: unknown }>(
        "select output from taskrun.history where job_id = $1",
        [id],
      );
      if ((output as { version: number }).version === last)
        waiting.delete(name); // why: see above
      else await pause(20);
    }
  }
  const secondsToRecover = (performance.now() - startMs - stormMs) / 1000;
  await lab.untilDone();
  const ledger = await lab.ledger([...ids, ...later]);
  const rate = Math.round((write / stormMs) * 1000);
  const fault = `save storm: ${rate} writes a second for ${(stormMs / 1000).toFixed(0)} s`;
  reportFault(report, { fault, times: write, ...ledger, secondsToRecover });
  expect(ledger).toMatchObject({ done: ids.length + later.length, lost: 0, doubled: 0 });
  // Not even an attempt has failed.
  expect(await lab.ask("select count(*)::int as failed from taskrun.attempts")).toEqual({
    failed: 0,
  });
  expect(cli.child.exitCode).toBeNull();
  cli.kill("SIGTERM");
  expect(await cli.ended).toMatchObject({ code: 0 });
});

test.each([["--no-watch"], ["--watch"]])("5,000 task files, %s", async (flag) => {
  const count = 5_000;
  const names = Array.from({ length: count }, (_, n) => `group_${n % 50}/task_${n}`);
  const files = names.map((name) => [`tasks/${name}.ts`, versioned(name, 0)]);
  await using lab = await FaultLab.open({ tasks: Object.fromEntries(files) });
  const startMs = performance.now();
  const cli = lab.spawn(...(flag === "--watch" ? [flag] : []));
  await lab.untilItWorks(cli);
  const secondsToLoad = (performance.now() - startMs) / 1000;
  const some = names.filter((_, n) => n % 100 === 7);
  const ids = (await Promise.all(some.map((name) => lab.add(name, 2)))).flat();
  await lab.untilDone();
  const what = flag === "--watch" ? "5,000 task files, in watch mode" : "5,000 task files";
  reportFault(report, {
    fault: `${what}: loaded`,
    times: count,
    ...(await lab.ledger(ids)),
    secondsToRecover: secondsToLoad,
  });
  await lab.until(
    "(select count(distinct task) from taskrun.history where output is not null) = 50",
  );
  if (flag === "--watch") {
    const [name = ""] = some;
    const savedMs = performance.now();
    await lab.project.write(`tasks/${name}.ts`, versioned(name, 1));
    const later: string[] = [];
    for (let version = 0; version !== 1; ) {
      later.push(...(await lab.add(name, 1)));
      await lab.untilDone();
      ({ version } = await lab.ask<{ version: number }>(
        "select (output ->> 'version')::int as version from taskrun.history where job_id = $1",
        [later.at(-1)],
      ));
    }
    const secondsToRecover = (performance.now() - savedMs) / 1000;
    const ledger = await lab.ledger(later);
    reportFault(report, { fault: `${what}: one saved`, times: 1, ...ledger, secondsToRecover });
    expect(ledger).toMatchObject({ lost: 0, doubled: 0 });
  }
  cli.kill("SIGTERM");
  expect(await cli.ended).toMatchObject({ code: 0 });
});
