/**
 * What a process costs that has nothing to do: statements on the database and memory. The commands
 * as installed (taskrun built), on the same folder of tasks, at the same concurrency, side by side
 * on databases of their own: they do next to nothing, so they don't disturb each other, and
 * whatever else the machine does hits them alike.
 *
 * Statements are counted by a proxy between each process and the database. Memory is the whole
 * process's: resident (RSS), and with what processes share counted in parts (PSS; Linux only).
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import pg from "pg";
import { migrate } from "../src/store/migrate.ts";
import { openBenchDatabase } from "./support/database.ts";
import { countQueries, type QueryCounter } from "./support/query-counter.ts";
import { markdownTable, median } from "./support/statistics.ts";

const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    /** Before the counting begins: what a start costs is another question. */
    settle: { type: "string", default: "15" },
    tasks: { type: "string", default: "5" },
    concurrency: { type: "string", default: "1,10" },
    /** Prints each side's statements. */
    statements: { type: "boolean", default: false },
  },
});
const seconds = Number(flags.seconds);
const repository = resolve(import.meta.dirname, "..");
const graphileWorker = join(repository, "node_modules/graphile-worker/dist/cli.js");
const taskrun = join(repository, "bin/taskrun.js");

interface Idler {
  readonly name: string;
  /** Whom it is compared with. */
  readonly base: string;
  readonly command: readonly string[];
}

interface Running extends Idler {
  readonly child: ChildProcess;
  readonly counter: QueryCounter;
  readonly rssMb: number[];
  readonly pssMb: number[];
}

const idlers: Idler[] = flags.concurrency.split(",").flatMap((concurrency) => {
  const base = `graphile-worker, ${concurrency} at once`;
  return [
    { name: base, base, command: [graphileWorker, "-j", concurrency] },
    {
      name: `taskrun, ${concurrency} at once`,
      base,
      command: [taskrun, "run", "--concurrency", concurrency],
    },
  ];
});

const database = await openBenchDatabase();
const folder = await makeProject(Number(flags.tasks));
const running: Running[] = [];
try {
  for (const [index, idler] of idlers.entries()) running.push(await launch(idler, index));
  await pause(Number(flags.settle) * 1000);
  for (const { counter } of running) counter.counts.clear();
  for (let second = 0; second < seconds; second += 1) {
    await pause(1000);
    for (const each of running) readMemory(each);
  }
  console.log(`${table()}\n`);
  if (flags.statements) for (const each of running) console.log(statementsOf(each));
} finally {
  for (const { child, counter } of running) {
    const ended = child.exitCode === null ? once(child, "exit") : null;
    child.kill("SIGTERM");
    await ended;
    await counter.close();
  }
  await rm(folder, { recursive: true, force: true });
  await database.close();
}

async function makeProject(tasks: number): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "taskrun-bench-idle-"));
  await mkdir(join(made, "tasks"));
  await writeFile(join(made, "package.json"), '{"type":"module"}');
  await symlink(join(repository, "node_modules"), join(made, "node_modules"));
  for (let n = 0; n < tasks; n += 1) {
    const text = `export default async function task(payload) { return { n: ${n}, payload }; }\n`;
    await writeFile(join(made, "tasks", `task_${n}.js`), text);
  }
  return made;
}

async function launch(idler: Idler, index: number): Promise<Running> {
  const counter = await countQueries(await createDatabase(`idle_${index}`));
  const child = spawn(process.execPath, [...idler.command], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: counter.connectionString },
    stdio: ["ignore", "ignore", "inherit"],
  });
  child.on("exit", (code) => {
    if (code !== null && code !== 0) throw new Error(`${idler.name} ended with ${code}`);
  });
  return { ...idler, child, counter, rssMb: [], pssMb: [] };
}

/** On the bench's server; goes with it, or is made anew. */
async function createDatabase(name: string): Promise<string> {
  const [url, adminUrl] = [new URL(database.connectionString), new URL(database.adminUrl)];
  const bench = url.pathname.slice(1);
  const full = `${bench}_${name}`;
  const admin = new pg.Client({ connectionString: adminUrl.href });
  await admin.connect();
  await admin.query(`drop database if exists ${pg.escapeIdentifier(full)} with (force)`);
  await admin.query(
    `create database ${pg.escapeIdentifier(full)} owner ${pg.escapeIdentifier(url.username)}`,
  );
  await admin.end();
  url.pathname = `/${full}`;
  await migrate(url.href, { schema: "graphile_worker" });
  return url.href;
}

function readMemory({ child, rssMb, pssMb }: Running): void {
  const rollup = readFileSync(`/proc/${child.pid}/smaps_rollup`, "utf8");
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(rollup)?.[1]);
  rssMb.push(kb("Rss") / 1024);
  pssMb.push(kb("Pss") / 1024);
}

function table(): string {
  const rows = running.map(({ name, base, counter, rssMb, pssMb }) => {
    const first = running.find((each) => each.name === base);
    const perSecond = ({ counts }: QueryCounter) =>
      [...counts.values()].reduce((sum, count) => sum + count, 0) / seconds;
    const against = (value: number, other: number) => (value / other).toFixed(2);
    return [
      name,
      perSecond(counter).toFixed(2),
      first === undefined ? "" : against(perSecond(counter), perSecond(first.counter)),
      median(rssMb).toFixed(1),
      first === undefined ? "" : against(median(rssMb), median(first.rssMb)),
      median(pssMb).toFixed(1),
      first === undefined ? "" : against(median(pssMb), median(first.pssMb)),
    ];
  });
  const head = ["idle", "statements/s", "×", "RSS MB", "×", "PSS MB", "×"];
  return markdownTable(head, rows);
}

function statementsOf({ name, counter }: Running): string {
  const lines = [...counter.counts]
    .sort(([, a], [, b]) => b - a)
    .map(
      ([text, count]) => `${String(count).padStart(5)}  ${text.replace(/\s+/g, " ").slice(0, 150)}`,
    );
  return [`${name}:`, ...lines, ""].join("\n");
}
