/**
 * How long from a save until new attempts run the new code, as a developer has it: `taskrun
 * --watch` is a process, the save comes from another one. Each sample ends when the line arrives
 * that says so; one job for each number of tasks shows that the line is true. Needs a build.
 */

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type pg from "pg";
import { openBenchDatabase } from "./support/database.ts";
import { markdownTable, median, percentile } from "./support/statistics.ts";

const { values: flags } = parseArgs({
  options: {
    samples: { type: "string", default: "200" },
    tasks: { type: "string", default: "1,1000" },
  },
});
const entry = fileURLToPath(new URL("../bin/taskrun.js", import.meta.url));
const helperUsers = 3;
// Between two saves by hand there is time; without it a sample would wait for the one before.
const gapMs = 60;

interface Watching {
  /** Resolves when what it has told since the last call contains `text`. */
  tells(text: string): Promise<void>;
  end(): Promise<void>;
}

const database = await openBenchDatabase();
const rows: string[][] = [];
try {
  for (const count of flags.tasks.split(",").map(Number)) await measure(count);
  const head = ["save", "tasks", "median ms", "p95 ms", "p99 ms", "max ms"];
  console.log(`\n${markdownTable(head, rows)}\n`);
} finally {
  await database.close();
}

async function measure(count: number): Promise<void> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), "taskrun-bench-")));
  await mkdir(join(dir, "tasks"));
  await mkdir(join(dir, "lib"));
  await writeFile(join(dir, "package.json"), '{ "type": "module" }\n');
  await writeFile(join(dir, "lib/shared.ts"), helper(0));
  for (let index = 0; index < count; index += 1) await writeFile(task(dir, index), code(index, 0));
  const watching = await startWatching(dir);
  try {
    const write = (file: string, text: string) => writeFile(file, text);
    const replace = async (file: string, text: string) => {
      await writeFile(join(dir, "draft.tmp"), text);
      await rename(join(dir, "draft.tmp"), file);
    };
    let saves = 0;
    const saveTask = async (save: typeof write) => {
      saves += 1;
      await save(task(dir, 0), code(0, saves));
      await watching.tells("↻ task_0 ");
    };
    const saveHelper = async () => {
      saves += 1;
      await write(join(dir, "lib/shared.ts"), helper(saves));
      await watching.tells("↻ task_0 ");
    };
    await sample("of a task, in place", count, () => saveTask(write));
    await sample("of a task, by a rename", count, () => saveTask(replace));
    await sample(`of a helper of ${Math.min(count, helperUsers)}`, count, saveHelper);
    await checkAnswer(database.admin, saves);
  } finally {
    await watching.end();
    await rm(dir, { recursive: true });
  }
}

async function sample(name: string, tasks: number, save: () => Promise<void>): Promise<void> {
  const times: number[] = [];
  const warmUps = 10;
  for (let index = -warmUps; index < Number(flags.samples); index += 1) {
    await pause(gapMs);
    const before = performance.now();
    await save();
    if (index >= 0) times.push(performance.now() - before);
  }
  const shown = [median(times), ...[0.95, 0.99, 1].map((share) => percentile(times, share))];
  rows.push([name, String(tasks), ...shown.map((value) => value.toFixed(1))]);
}

async function startWatching(cwd: string): Promise<Watching> {
  const env = { ...process.env, DATABASE_URL: database.connectionString };
  const child = spawn(process.execPath, [entry, "--watch"], {
    cwd,
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let told = "";
  let look = () => {};
  child.stderr.on("data", (chunk) => {
    told += chunk;
    look();
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const watching: Watching = {
    async tells(text) {
      while (!told.includes(text)) {
        if (child.exitCode !== null) throw new Error(`taskrun ended: ${told}`);
        await Promise.race([new Promise<void>((resolve) => (look = resolve)), ended]);
      }
      told = "";
    },
    async end() {
      child.kill("SIGTERM");
      await ended;
    },
  };
  await watching.tells("add jobs");
  return watching;
}

/** A job that is added now must have the text of the last save. */
async function checkAnswer(admin: pg.Pool, saves: number): Promise<void> {
  const { rows: added } = await admin.query("select id from graphile_worker.add_job('task_0')");
  for (;;) {
    const { rows: found } = await admin.query(
      "select output from taskrun.jobs where id = $1 and state = 'completed'",
      [added[0].id],
    );
    if (found[0] === undefined) {
      await pause(10);
      continue;
    }
    if (found[0].output.helper === saves) return;
    throw new Error(`The job ran other code than the last save: ${JSON.stringify(found[0])}`);
  }
}

function task(dir: string, index: number): string {
  return join(dir, `tasks/task_${index}.ts`);
}

function code(index: number, save: number): string {
  const uses = index < helperUsers;
  return `${uses ? 'import { shared } from "../lib/shared.ts";\n' : ""}
interface Payload {
  readonly name?: string;
}

export default async function handler(payload: Payload): Promise<object> {
  return { name: payload.name ?? "nobody", save: ${save}${uses ? ", helper: shared" : ""} };
}
`;
}

function helper(save: number): string {
  return `export const shared: number = ${save};\n`;
}
