/** Listeners that throw, reject or never end, in a process that has jobs to run. */

import pg from "pg";
import { expect, test } from "vitest";
import { RunningCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { createTestDatabase } from "../support/test-database.ts";

const config = `export default {
  plugins: [
    {
      name: "bad",
      listeners: {
        "attempt:finished": ({ job }) => {
          if (job.id % 2 === 0) throw new TypeError("it throws for " + job.id);
          return Promise.reject(new Error("it rejects for " + job.id));
        },
        "tasks:published": () => { throw null; },
        "pauses:changed": () => new Promise(() => {}),
      },
    },
    {
      name: "good",
      listeners: { "attempt:finished": ({ job }) => console.log("heard of", job.id) },
    },
  ],
};`;

test("they are logged with their event's name, and the jobs and the process go on", async () => {
  const database = await createTestDatabase();
  await using project = await TaskProject.of({
    "tasks/work.ts": "export default async (payload) => payload;",
    "worker.config.ts": config,
  });
  const db = new pg.Pool({ connectionString: database.url, max: 1 });
  const options = {
    cwd: project.dir,
    env: { DATABASE_URL: database.url, TASKRUN_LOG_FORMAT: "json" },
  };
  {
    await using running = new RunningCli(["run"], options);
    await running.says("until Ctrl-C");
    await db.query("select taskrun.pause('queue', 'nobody')");
    for (let n = 0; n < 4; n += 1) {
      const { rows } = await db.query("select taskrun.add_job('work', $1)::int as id", [{ n }]);
      const { id } = rows[0];
      await running.says(`heard of ${id}`);
      await running.says(`${id % 2 === 0 ? "it throws" : "it rejects"} for ${id}`);
    }
    const { rows } = await db.query("select state, attempts, output from taskrun.jobs order by id");
    const done = (n: number) => ({ state: "completed", attempts: 1, output: { n } });
    expect(rows).toEqual([0, 1, 2, 3].map(done));
    running.kill("SIGTERM");
    expect(await running.ended).toMatchObject({ code: 0 });
    const told = running.stdout
      .concat(running.stderr)
      .split("\n")
      .filter((line) => line.includes('"a listener failed"'))
      .map((line): { event: string; err: unknown } => JSON.parse(line));
    expect(told.filter(({ event }) => event === "attempt:finished")).toHaveLength(4);
    expect(told.map(({ event }) => event)).toContain("tasks:published");
  }
  await db.end();
  await database.drop();
});
