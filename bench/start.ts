/**
 * How long a process takes with a folder of TypeScript tasks and one job: from its launch to its
 * end, with `--once`. Both commands as installed (taskrun built), each with its second and later
 * starts, when caches are warm for whoever uses them. The sides take turns. The processor time of
 * the process, all its threads together, tells more than the clock where others work beside.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Readable, type Writable } from "node:stream";
import { parseArgs } from "node:util";
import { migrate } from "../src/store/migrate.ts";
import { addJobs, openBenchDatabase } from "./support/database.ts";
import { markdownTable, median, pairedRatio } from "./support/statistics.ts";

const { values: flags } = parseArgs({
  options: {
    tasks: { type: "string", default: "1,100,1000" },
    rounds: { type: "string", default: "7" },
  },
});
const repository = resolve(import.meta.dirname, "..");
const printCpu = join(import.meta.dirname, "support/print-cpu.cjs");
const commands = {
  "graphile-worker": [join(repository, "node_modules/graphile-worker/dist/cli.js"), "--once"],
  taskrun: [join(repository, "bin/taskrun.js"), "run", "--once", "--log-level", "warn"],
} as const;
type SideName = keyof typeof commands;

const database = await openBenchDatabase();
await migrate(database.connectionString, { schema: "graphile_worker" });

/** Tasks as people write them: an import, a type, a few lines. */
function taskText(n: number): string {
  return `import { createHash } from "node:crypto";

interface Payload { id: number; name?: string }

export default async function task${n}(payload: Payload): Promise<string> {
  const hash = createHash("sha256").update(String(payload.id ?? ${n})).digest("hex");
  return \`\${payload.name ?? "task${n}"} \${hash.slice(0, 8)}\`;
}
`;
}

async function makeProject(count: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "taskrun-bench-start-"));
  await mkdir(join(folder, "tasks"));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  await symlink(join(repository, "node_modules"), join(folder, "node_modules"));
  for (let n = 0; n < count; n += 1) {
    await writeFile(join(folder, "tasks", `task_${n}.ts`), taskText(n));
  }
  return folder;
}

/** Milliseconds. */
interface Start {
  readonly tookMs: number;
  readonly cpuMs: number;
}

async function startOnce(side: SideName, folder: string): Promise<Start> {
  await addJobs(database.admin, { task: "task_0", count: 1 });
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, ["--require", printCpu, ...commands[side]], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: database.connectionString, NO_LOG_SUCCESS: "1" },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const [said, cpuUs] = [child.stdio[2], child.stdio[3]].map(text);
  const [code] = await once(child, "exit");
  const tookMs = performance.now() - startedAtMs;
  const { rows } = await database.admin.query(
    "select count(*)::int as n from graphile_worker._private_jobs",
  );
  if (code !== 0 || rows[0].n !== 0)
    throw new Error(`${side} left ${rows[0].n} jobs: ${await said}`);
  return { tookMs, cpuMs: Number(await cpuUs) / 1000 };
}

async function text(stream: Writable | Readable | null | undefined): Promise<string> {
  let all = "";
  if (stream instanceof Readable) for await (const chunk of stream) all += chunk;
  return all;
}

for (const count of flags.tasks.split(",").map(Number)) {
  const folder = await makeProject(count);
  const samples: Record<SideName, Start[]> = { "graphile-worker": [], taskrun: [] };
  const sides = Object.keys(samples) as SideName[]; // why: the record has exactly these keys
  for (const side of sides) await startOnce(side, folder);
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    for (const side of sides) samples[side].push(await startOnce(side, folder));
  }
  const rows = sides.map((side) => [
    `${count} tasks, ${side}`,
    ...(["tookMs", "cpuMs"] as const).flatMap((what) => {
      const [own, base] = [samples[side], samples["graphile-worker"]].map((starts) =>
        starts.map((start) => start[what]),
      );
      return [median(own ?? []).toFixed(0), pairedRatio(own ?? [], base ?? []).toFixed(2)];
    }),
  ]);
  const head = ["launch to end, one job", "ms", "×", "CPU ms", "× CPU"];
  console.log(`${markdownTable(head, rows)}\n`);
  await rm(folder, { recursive: true, force: true });
}
await database.close();
