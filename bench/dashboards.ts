/**
 * How much slower a queue is drained while dashboards are open, with the HTTP API in the process
 * that runs the jobs. Rounds without and with dashboards take turns on one database that has a long
 * history; a ratio is that of the two rounds of a pair.
 *
 * The dashboards are clients in a process of their own, which ask as the page does; see
 * `support/dashboard-clients.ts`. Their processor time counts as nobody's, but they need some of
 * this machine's: on few cores it is part of the loss.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { setPriority } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { migrate } from "../src/store/migrate.ts";
import { countEnded } from "../src/store/queue/ended-counts.ts";
import { nameFailures } from "../src/store/queue/name-failures.ts";
import { schemasFor } from "../src/store/schemas.ts";
import { addJobs, describeServer, openBenchDatabase, settleDown } from "./support/database.ts";
import { seedHistory } from "./support/seed-history.ts";
import { findServerCpu } from "./support/server-cpu.ts";
import { markdownTable, median, pairedRatio } from "./support/statistics.ts";
import { taskrunSide } from "./support/taskrun-side.ts";

const { values: flags } = parseArgs({
  options: {
    jobs: { type: "string", default: "100000" },
    rounds: { type: "string", default: "5" },
    dashboards: { type: "string", default: "10" },
    history: { type: "string", default: "1000000" },
    waiting: { type: "string", default: "0" },
  },
});
const [jobs, rounds, dashboards] = [flags.jobs, flags.rounds, flags.dashboards].map(Number) as [
  number,
  number,
  number,
]; // why: three texts make three numbers

interface Round {
  readonly jobsPerSecond: number;
  readonly nodeUs: number;
  readonly serverUs: number;
  /** What the dashboards were answered. */
  readonly answers: number;
  readonly events: number;
}

const database = await openBenchDatabase();
const serverCpu = await findServerCpu(database.admin);
try {
  await prepare();
  const quiet: Round[] = [];
  const watched: Round[] = [];
  await drain(0);
  await drain(dashboards);
  for (let round = 1; round <= rounds; round += 1) {
    const turns = [() => drain(0), () => drain(dashboards)];
    const order = round % 2 === 1 ? [0, 1] : [1, 0];
    for (const side of order) {
      const result = await turns[side]?.();
      if (result === undefined) continue;
      (side === 0 ? quiet : watched).push(result);
      console.log(`round ${round}, ${side === 0 ? 0 : dashboards} dashboards: ${told(result)}`);
    }
  }
  console.log(summary(quiet, watched));
} finally {
  await database.close();
}

async function prepare(): Promise<void> {
  const schemas = schemasFor("graphile_worker");
  await migrate(database.connectionString, { schema: "graphile_worker" });
  console.log(await describeServer(database.admin));
  const seed = { history: Number(flags.history), queued: Number(flags.waiting) };
  if (seed.history + seed.queued > 0) await seedHistory(database.admin, seed);
  // What is seeded as due is of tasks that nobody has here.
  while (
    (await countEnded(database.admin, schemas)) ||
    (await nameFailures(database.admin, schemas))
  ) {
    // On with the next piece.
  }
  await database.admin.query("vacuum (analyze, parallel 0)");
}

async function drain(watching: number): Promise<Round> {
  await addJobs(database.admin, { task: "bench", count: jobs, payload: { n: 1 } });
  await settleDown(database.admin);
  const http = await startHttp();
  const clients = watching === 0 ? null : await openDashboards(http.url, watching);
  const side = taskrunSide({
    name: "taskrun",
    connectionString: database.connectionString,
    concurrency: 24,
  });
  let ran = 0;
  let firstAt = 0;
  let before = { node: process.cpuUsage(), server: 0 };
  const allRan = Promise.withResolvers<void>();
  const running = await side.start({
    bench: () => {
      if (ran === 0) {
        firstAt = performance.now();
        before = { node: process.cpuUsage(), server: serverCpu?.() ?? Number.NaN };
      }
      if (++ran === jobs) allRan.resolve();
      return { ok: true };
    },
  });
  await allRan.promise;
  await running.settled();
  const tookMs = performance.now() - firstAt;
  const node = process.cpuUsage(before.node);
  const serverUs = (serverCpu?.() ?? Number.NaN) - before.server;
  const heard = await clients?.close();
  await running.stop();
  await http.close();
  return {
    jobsPerSecond: (jobs * 1000) / tookMs,
    nodeUs: (node.user + node.system) / jobs,
    serverUs: serverUs / jobs,
    answers: heard?.answers ?? 0,
    events: heard?.events ?? 0,
  };
}

/** The built one, as `--http-port` starts it beside the jobs. */
async function startHttp() {
  const load = (file: string) =>
    import(pathToFileURL(join(import.meta.dirname, "../dist", file)).href);
  // why: the build has what its sources export
  const built = (await load("http/start-http-server.js")) as Pick<
    typeof import("../src/http/start-http-server.ts"),
    "startHttpServer"
  >;
  const { pino } = await import("pino");
  return built.startHttpServer({
    config: {
      schema: "graphile_worker",
      httpHost: "127.0.0.1",
      httpPrefix: "",
      httpTrustProxy: [],
      httpCorsOrigins: [],
      httpEnqueueRate: null,
    },
    port: 0,
    connectionString: database.connectionString,
    logger: pino({ level: "silent" }),
    catalog: () => ({ tasks: new Map(), failures: [] }),
  });
}

interface Heard {
  readonly answers: number;
  readonly events: number;
}

/** Resolves when all of them have been answered and hear events. */
async function openDashboards(url: string, count: number) {
  const script = join(import.meta.dirname, "support/dashboard-clients.ts");
  const child = spawn(process.execPath, [script, url, String(count)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  // Browsers are on other machines: what is measured comes first.
  setPriority(child.pid ?? 0, 10);
  const lines = createInterface({ input: child.stdout });
  await once(lines, "line");
  return {
    async close(): Promise<Heard> {
      const said = once(lines, "line");
      child.stdin.end();
      const [line] = await said;
      await once(child, "exit");
      return JSON.parse(String(line));
    },
  };
}

function told({ jobsPerSecond, nodeUs, serverUs, answers, events }: Round): string {
  return (
    `${jobsPerSecond.toFixed(0)} jobs/s, ${nodeUs.toFixed(1)} + ${serverUs.toFixed(1)} µs CPU/job` +
    (answers === 0 ? "" : `, ${answers} answers, ${events} events`)
  );
}

function summary(quiet: readonly Round[], watched: readonly Round[]): string {
  const row = (name: string, rounds: readonly Round[]): string[] => [
    name,
    median(rounds.map(({ jobsPerSecond }) => jobsPerSecond)).toFixed(0),
    median(rounds.map(({ nodeUs }) => nodeUs)).toFixed(1),
    median(rounds.map(({ serverUs }) => serverUs)).toFixed(1),
    pairedRatio(
      rounds.map(({ jobsPerSecond }) => jobsPerSecond),
      quiet.map(({ jobsPerSecond }) => jobsPerSecond),
    ).toFixed(3),
  ];
  const head = ["dashboards", "jobs/s", "Node µs/job", "server µs/job", "× none"];
  return `\n${markdownTable(head, [row("none", quiet), row(String(dashboards), watched)])}\n`;
}
