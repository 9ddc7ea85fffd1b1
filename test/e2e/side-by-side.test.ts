import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { expect, test } from "vitest";
import { migrate } from "../../src/store/migrate.ts";
import { pause } from "../../src/store/transient.ts";
import { RunningCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { addManyBySql } from "../support/test-runtime.ts";

const plainWorker = fileURLToPath(new URL("../support/plain-graphile-worker.ts", import.meta.url));
const jobs = 6_000;

test("two processes and a plain graphile-worker drain one queue, each job once", async () => {
  const database = await createTestDatabase();
  await migrate(database.url, { schema: "graphile_worker" });
  const db = new pg.Pool({ connectionString: database.url, max: 2 });
  await db.query("create unlogged table runs (job_id bigint, by text)");
  await using project = await TaskProject.of({
    "tasks/note.ts": `export default async (_payload, ctx) => {
      await ctx.query("insert into runs (job_id, by) values ($1, $2)", [ctx.jobId, process.pid]);
    };`,
  });
  const env = { DATABASE_URL: database.url, TASKRUN_LOG_LEVEL: "warn" };
  const plain = spawn(process.execPath, [plainWorker], {
    env: { ...process.env, DATABASE_URL: database.url, NO_LOG_SUCCESS: "1" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const plainEnded = once(plain, "exit");
  await once(plain.stdout, "data");
  await using one = new RunningCli(["run"], { cwd: project.dir, env });
  await using two = new RunningCli(["run"], { cwd: project.dir, env });
  const processes = () =>
    db.query("select 1 from taskrun.processes").then(({ rowCount }) => rowCount);
  while ((await processes()) !== 2) await pause(50);

  await addManyBySql({ db }, "note", jobs);
  const left = async () => {
    const { rows } = await db.query("select count(*)::int as n from graphile_worker._private_jobs");
    return rows[0].n;
  };
  while ((await left()) > 0) await pause(100);

  one.kill("SIGTERM");
  two.kill("SIGTERM");
  plain.kill("SIGTERM");
  expect((await one.ended).code).toBe(0);
  expect((await two.ended).code).toBe(0);
  await plainEnded;
  const { rows } = await db.query(
    `select count(*)::int as runs, count(distinct job_id)::int as jobs,
       count(distinct by)::int as workers from runs`,
  );
  expect(rows).toEqual([{ runs: jobs, jobs, workers: 3 }]);
  await db.end();
  await database.drop();
}, 480_000);
