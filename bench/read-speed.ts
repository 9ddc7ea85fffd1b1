/**
 * How long the reading statements take behind the lists, the overview and the command, with a long
 * history and a deep queue. Seeds a database, then asks each question again and again; the time is
 * that from the call to the rows.
 */

import { cpus } from "node:os";
import { parseArgs } from "node:util";
import pg from "pg";
import { listErrorPage } from "../src/store/error-groups.ts";
import { explainJob } from "../src/store/explain.ts";
import type { JobFilter } from "../src/store/job-filter.ts";
import { readJobStory } from "../src/store/job-story.ts";
import { listJobPage } from "../src/store/jobs.ts";
import { LiveView } from "../src/store/live-view.ts";
import { migrate } from "../src/store/migrate.ts";
import { readOverview } from "../src/store/overview.ts";
import { listPublishedTasks } from "../src/store/published-tasks.ts";
import { countEnded } from "../src/store/queue/ended-counts.ts";
import { nameFailures } from "../src/store/queue/name-failures.ts";
import { schemasFor } from "../src/store/schemas.ts";
import { readStats } from "../src/store/task-stats.ts";
import { describeServer, openBenchDatabase } from "./support/database.ts";
import { seedHistory } from "./support/seed-history.ts";
import { findServerCpu } from "./support/server-cpu.ts";
import { markdownTable, percentile } from "./support/statistics.ts";

const { values: flags } = parseArgs({
  options: {
    history: { type: "string", default: "1000000" },
    queued: { type: "string", default: "100000" },
    rounds: { type: "string", default: "20" },
    limit: { type: "string", default: "200" },
  },
});
const rounds = Number(flags.rounds);
/** As the HTTP API gives a list. */
const searchMs = 80;
const limitMs = Number(flags.limit);
const schemas = schemasFor("graphile_worker");
const hourMs = 3_600_000;
const ago = (hours: number): Date => new Date(Date.now() - hours * hourMs);

const database = await openBenchDatabase();
const db = new pg.Pool({ connectionString: database.connectionString, max: 4 });
try {
  await migrate(database.connectionString, { schema: "graphile_worker" });
  console.log(await describeServer(database.admin));
  console.log(`Node ${process.versions.node}, ${cpus().length} cores`);
  const seeded = await seedHistory(database.admin, {
    history: Number(flags.history),
    queued: Number(flags.queued),
  });
  console.log(`${flags.history} records, ${flags.queued} queued; seeded in ${seeded} s`);
  const countedFrom = performance.now();
  while ((await countEnded(db, schemas)) || (await nameFailures(db, schemas))) {
    // On with the next piece.
  }
  console.log(`counted in ${((performance.now() - countedFrom) / 1000).toFixed(1)} s`);
  // Not in parallel: workers don't start with the settings of an embedded server.
  await database.admin.query("vacuum (analyze, parallel 0)");
  await measure(await questions());
} finally {
  await db.end();
  await database.close();
}

type Question = readonly [name: string, ask: () => Promise<unknown>];

async function questions(): Promise<Question[]> {
  const { rows } = await database.admin.query(
    `select max(job_id)::text as newest, (min(job_id) + 500000)::text as middle,
       max(job_id) filter (where state = 'failed')::text as failed from taskrun.history`,
  );
  const { rows: queued } = await database.admin.query(
    "select max(id)::text as id from graphile_worker._private_jobs",
  );
  const { newest, middle, failed } = rows[0];
  const list = (name: string, filter: JobFilter): Question => [
    name,
    () => listJobPage(db, schemas, { limit: 51, ...filter }, { budgetMs: searchMs }),
  ];
  const states = ["pending", "scheduled", "running", "retrying", "blocked"] as const;
  return [
    list("list: newest", {}),
    list("list: next page", { before: newest }),
    list("list: page in the middle", { before: middle }),
    ...states.map((state) => list(`list: ${state}`, { state })),
    list("list: completed", { state: "completed" }),
    list("list: failed", { state: "failed" }),
    list("list: cancelled", { state: "cancelled" }),
    list("list: frequent task", { task: "task-1" }),
    list("list: rare task", { task: "rare" }),
    list("list: task that isn't there", { task: "nobody" }),
    list("list: rare task, failed", { task: "rare", state: "failed" }),
    list("list: frequent task, completed", { task: "task-1", state: "completed" }),
    list("list: serial queue", { queue: "serial-7" }),
    list("list: correlation id", { correlationId: "order-77" }),
    list("list: last hour", { since: ago(1) }),
    list("list: an hour of yesterday", { since: ago(13), until: ago(12) }),
    list("list: failed in an hour of yesterday", {
      since: ago(13),
      until: ago(12),
      state: "failed",
    }),
    list("list: payload, frequent", { payload: [{ path: ["kind"], value: "a" }] }),
    list("list: payload, one job", { payload: [{ path: ["n"], value: "4711" }] }),
    list("list: payload, none", { payload: [{ path: ["n"], value: "none" }] }),
    list("list: payload and task", {
      task: "task-1",
      payload: [{ path: ["n"], value: "4712" }],
    }),
    ["show: completed", () => readJobStory(db, schemas, newest, { logLines: 100 })],
    ["show: failed", () => readJobStory(db, schemas, failed, { logLines: 100 })],
    ["show: queued", () => readJobStory(db, schemas, queued[0].id, { logLines: 100 })],
    ["explain: queued", () => explainJob(db, schemas, queued[0].id)],
    ["errors", () => listErrorPage(db, schemas, {})],
    ["errors: last day", () => listErrorPage(db, schemas, { since: ago(24) })],
    ["catalog", () => listPublishedTasks(db, schemas)],
    ["stats: a day", () => readStats(db, schemas, { since: ago(24) })],
    ["stats: an hour", () => readStats(db, schemas, { since: ago(1) })],
    ["stats: a week, one task", () => readStats(db, schemas, { since: ago(168), task: "task-1" })],
    ["overview: a day", () => readOverview(db, schemas, { since: ago(24), buckets: 60 })],
    ["overview: an hour", () => readOverview(db, schemas, { since: ago(1), buckets: 60 })],
    ["overview: a week", () => readOverview(db, schemas, { since: ago(168), buckets: 60 })],
    ["top", () => new LiveView(db, schemas).snapshot()],
  ];
}

/** Prints each row as it is known: with a slow statement among them all take long. */
async function measure(asked: readonly Question[]): Promise<void> {
  const serverCpu = await findServerCpu(database.admin);
  const head = ["question", "p50 ms", "p95 ms", `over ${limitMs} ms`, "server CPU ms"];
  console.log(markdownTable(head, []));
  for (const [name, ask] of asked) {
    const times: number[] = [];
    // The first time plans and fills caches.
    await ask();
    const cpuBefore = serverCpu?.() ?? Number.NaN;
    for (let round = 0; round < rounds; round += 1) {
      const begun = performance.now();
      await ask();
      times.push(performance.now() - begun);
    }
    const cpuMs = ((serverCpu?.() ?? Number.NaN) - cpuBefore) / 1_000 / rounds;
    const [p50, p95] = [percentile(times, 0.5), percentile(times, 0.95)];
    console.log(
      `| ${name} | ${p50.toFixed(1)} | ${p95.toFixed(1)} | ${p95 > limitMs ? "over" : ""} |` +
        ` ${cpuMs.toFixed(1)} |`,
    );
  }
}
