/** A rolling upgrade: the version before and this one, beside plain graphile-worker. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { migrationNames } from "../../src/store/migrate.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { pause } from "../../src/store/transient.ts";
import { PreviousVersion } from "../support/previous-version.ts";
import { RunningCli, runCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { createTestDatabase } from "../support/test-database.ts";

const plainWorker = fileURLToPath(new URL("../support/plain-graphile-worker.ts", import.meta.url));

let database: ScratchDatabase;
let db: pg.Pool;
let project: TaskProject;
let previous: PreviousVersion;
let added: string[];

beforeEach(async () => {
  added = [];
  database = await createTestDatabase();
  db = new pg.Pool({ connectionString: database.url, max: 3 });
  previous = await PreviousVersion.unpack();
  project = await TaskProject.of({
    "tasks/note.js": `module.exports = async (payload, helpers) => {
      await helpers.query("insert into runs (job_id, by) values ($1, $2)", [
        helpers.job.id, process.env.VERSION,
      ]);
    };`,
  });
});

afterEach(async () => {
  await project[Symbol.asyncDispose]();
  await previous[Symbol.asyncDispose]();
  await db.end();
  await database.drop();
});

function start(version: "old" | "new"): RunningCli {
  const env = { DATABASE_URL: database.url, TASKRUN_LOG_LEVEL: "warn", VERSION: version };
  const entry = version === "old" ? { entry: previous.entry } : {};
  return new RunningCli(["run"], { cwd: project.dir, env, ...entry });
}

async function count(question: string): Promise<number> {
  const { rows } = await db.query(`select count(*)::int as n from ${question}`);
  return rows[0].n;
}

/** Adds jobs all the while; returns once each of them has run at least so many. */
async function flow(by: readonly string[], each = 20): Promise<void> {
  const before = new Map<string, number>();
  for (const who of by) before.set(who, await count(`runs where by = '${who}'`));
  for (;;) {
    const { rows } = await db.query(
      "select (graphile_worker.add_job('note')).id from generate_series(1, 5)",
    );
    const ours = await db.query("select taskrun.add_job('note') as id");
    added.push(...[...rows, ...ours.rows].map(({ id }) => id));
    const enough = await Promise.all(
      by.map(
        async (who) => (await count(`runs where by = '${who}'`)) - (before.get(who) ?? 0) >= each,
      ),
    );
    if (enough.every(Boolean)) return;
  }
}

test("the version that is frozen is an older one", () => {
  expect(previous.migrations.length).toBeGreaterThan(0);
  expect(migrationNames().slice(0, previous.migrations.length)).toEqual(previous.migrations);
  expect(migrationNames().length).toBeGreaterThan(previous.migrations.length);
});

test("old, new and plain processes share one queue while it is migrated under them", async () => {
  await using old = start("old");
  await old.says("until Ctrl-C");
  expect(await count("taskrun.migrations")).toBe(previous.migrations.length);
  await db.query("create table runs (job_id bigint, by text)");
  const plain = spawn(process.execPath, [plainWorker], {
    env: { ...process.env, DATABASE_URL: database.url, NO_LOG_SUCCESS: "1" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const plainEnded = once(plain, "exit");
  await once(plain.stdout, "data");
  await flow(["old", "graphile-worker"]);
  // The new one migrates the database while the others work.
  await using young = start("new");
  const migrated = young.says("until Ctrl-C");
  await flow(["new", "old", "graphile-worker"]);
  await migrated;
  expect(await count("taskrun.migrations")).toBe(migrationNames().length);
  await flow(["new", "old", "graphile-worker"]);
  old.kill("SIGTERM");
  expect((await old.ended).code).toBe(0);
  await flow(["new", "graphile-worker"]);
  while ((await count("graphile_worker._private_jobs")) > 0) await pause(50);
  young.kill("SIGTERM");
  plain.kill("SIGTERM");
  expect((await young.ended).code).toBe(0);
  await plainEnded;
  const { rows } = await db.query(
    `with ran as (select job_id, count(*) as runs, min(by) as by from runs group by 1)
     select count(*) filter (where ran.runs = 1)::int as once,
       count(*) filter (where ran.runs is null)::int as lost,
       count(*) filter (where by <> 'graphile-worker' and h.state = 'completed')::int as recorded,
       count(*) filter (where by = 'graphile-worker')::int as elsewhere, count(h.job_id)::int as all
     from unnest($1::bigint[]) as n (id)
     left join ran on ran.job_id = n.id
     left join taskrun.history h on h.job_id = n.id`,
    [added],
  );
  const [{ recorded, elsewhere, ...rest }] = rows;
  expect(rest).toEqual({ once: added.length, lost: 0, all: recorded });
  // graphile-worker keeps nothing of what it has done.
  expect(recorded + elsewhere).toBe(added.length);
  expect(old.stderr).not.toContain("error:");
}, 480_000);

test("an older version refuses, at each start, a database that a newer one has migrated", async () => {
  const env = { DATABASE_URL: database.url };
  expect((await runCli(["migrate"], { cwd: project.dir, env })).code).toBe(0);
  for (const command of [["run"], ["--once"], ["serve"], ["migrate"]]) {
    const { code, stderr } = await runCli(command, {
      cwd: project.dir,
      env,
      entry: previous.entry,
    });
    expect([command, code]).toEqual([command, 69]);
    expect(stderr).toContain("migrations of a newer taskrun");
  }
  const { rows } = await db.query("select count(*)::int as n from taskrun.migrations");
  expect(rows[0].n).toBe(migrationNames().length);
});
