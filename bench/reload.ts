/**
 * How long from a save to the new handler, and what many reloads leave in memory. No database.
 *
 *   node --conditions=taskrun-source --experimental-vm-modules --no-compilation-cache \
 *     --expose-gc bench/reload.ts [--samples 200] [--reloads 5000]
 *
 * Each sample writes a file and waits for the loader's `change`; the time that a watcher needs to
 * notice the write comes on top.
 */

import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { TaskContext } from "../src/core/context.ts";
import { GraphLoader } from "../src/dev/graph-loader.ts";

const { values } = parseArgs({
  options: {
    samples: { type: "string", default: "200" },
    reloads: { type: "string", default: "5000" },
  },
});
const samples = Number(values.samples);
const reloads = Number(values.reloads);
const ctx = {} as TaskContext; // why: these handlers don't look at it

if (!GraphLoader.isAvailable()) {
  console.error("Give Node the flags that are written at the top of this file.");
  process.exitCode = 1;
} else {
  await measureMemory();
  console.log("\nms from the written file to the new handler");
  console.log("tasks  change of             start    median    p95    max");
  for (const count of [1, 100, 1_000]) await measureSpeed(count);
}

function taskText(version: number): string {
  return `import { z } from "zod";
import { query } from "./_db.ts";

interface Payload {
  to: string;
  count: number;
}

const schema = z.object({ to: z.string(), count: z.number() });
const numbers: number[] = new Array(100).fill(${version});

export default {
  payload: schema,
  timeout: "30s",
  async handler(payload: Payload): Promise<number> {
    await query(payload.to);
    return ${version} + numbers.length * 0;
  },
};
`;
}

function helperText(version: number): string {
  return `export async function query(text: string): Promise<string> {\n  return text + ${version};\n}\n`;
}

async function inProject(
  count: number,
  work: (dir: string, loader: GraphLoader) => Promise<void>,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "reload-"));
  const tasksDir = join(dir, "tasks");
  await mkdir(tasksDir);
  await writeFile(join(dir, "package.json"), '{ "type": "module" }');
  await writeFile(join(tasksDir, "_db.ts"), helperText(0));
  await writeFile(join(tasksDir, "_shared.ts"), helperText(0));
  for (let task = 0; task < count; task += 1) {
    const shared = task < 3 ? 'import "./_shared.ts";\n' : "";
    await writeFile(join(tasksDir, `task_${task}.ts`), shared + taskText(0));
  }
  await mkdir(join(dir, "node_modules"));
  await symlink(join(import.meta.dirname, "../node_modules/zod"), join(dir, "node_modules/zod"));
  const loader = new GraphLoader({
    projectDir: dir,
    tasksDir,
    importTimeoutMs: 20_000,
    layers: [],
  });
  try {
    await work(dir, loader);
  } finally {
    await loader.close();
    await rm(dir, { recursive: true });
  }
}

async function measureSpeed(count: number): Promise<void> {
  await inProject(count, async (dir, loader) => {
    const start = performance.now();
    const { failures } = await loader.load();
    if (failures.length > 0) throw new Error(JSON.stringify(failures[0]));
    const startMs = performance.now() - start;
    const kinds = {
      "one task": ["tasks/task_0.ts", (n: number) => `import "./_shared.ts";\n${taskText(n)}`],
      "a helper of 3 tasks": ["tasks/_shared.ts", helperText],
    } as const;
    for (const [kind, [path, text]] of Object.entries(kinds)) {
      const times: number[] = [];
      for (let sample = 1; sample <= samples; sample += 1) {
        const file = join(dir, path);
        await writeFile(file, text(sample));
        const before = performance.now();
        const { catalog, reloaded } = await loader.change([file]);
        times.push(performance.now() - before);
        if (reloaded.length !== (path.includes("_shared") ? Math.min(3, count) : 1)) {
          throw new Error(`reloaded ${reloaded.length} tasks`);
        }
        if (path.includes("task_")) {
          const result = await catalog.tasks.get("task_0")?.handler({ to: "", count: 1 }, ctx);
          if (result !== sample) throw new Error(`old code: ${result} instead of ${sample}`);
        }
      }
      times.sort((a, b) => a - b);
      const at = (share: number) =>
        (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(1);
      const columns = [startMs.toFixed(0).padStart(7), at(0.5), at(0.95), at(1)];
      console.log(
        String(count).padStart(5),
        ` ${kind.padEnd(20)}`,
        columns.join("   ").padStart(8),
      );
    }
  });
}

async function measureMemory(): Promise<void> {
  await inProject(20, async (dir, loader) => {
    await loader.load();
    const file = join(dir, "tasks/task_5.ts");
    let freed = 0;
    const registry = new FinalizationRegistry<undefined>(() => {
      freed += 1;
    });
    const memory = async (): Promise<NodeJS.MemoryUsage> => {
      for (let round = 0; round < 4; round += 1) {
        globalThis.gc?.();
        await new Promise((resolve) => setImmediate(resolve));
      }
      return process.memoryUsage();
    };
    console.log("reloads   heap MB   RSS MB   handlers freed");
    for (let reload = 0; reload <= reloads; reload += 1) {
      if (reload % Math.ceil(reloads / 5) === 0) {
        const { heapUsed, rss } = await memory();
        const [heap, resident] = [heapUsed, rss].map((each) => (each / 1e6).toFixed(1).padStart(8));
        console.log(String(reload).padStart(7), heap, resident, String(freed).padStart(8));
      }
      await writeFile(file, taskText(reload + 1));
      const { reloaded } = await loader.change([file]);
      for (const { handler } of reloaded) registry.register(handler, undefined);
    }
  });
}
