/**
 * Loads a tasks folder in a plain Node process and prints the Catalog as JSON: test runners
 * replace `import()` by their own, so what Node itself does shows only outside of them.
 * Each task is also run once with the payload 2, inside its middleware.
 */

import type { Task } from "../../src/core/task.ts";
import { NativeLoader } from "../../src/discovery/native-loader.ts";

const { importTimeoutMs, projectDir, tasksDir } = JSON.parse(process.argv[2] ?? "{}");
const loader = new NativeLoader({ projectDir, tasksDir, importTimeoutMs, layers: [] });
const { failures, tasks } = await loader.load();
const printed = [];
for (const task of tasks.values()) {
  printed.push({ ...task, middleware: task.middleware.length, output: await runTask(task) });
}
await loader.close();
// An import that never ends would keep the process.
process.stdout.write(JSON.stringify({ tasks: printed, failures }), () => process.exit());

async function runTask(task: Task): Promise<unknown> {
  const ctx = {} as Parameters<Task["handler"]>[1]; // why: these handlers don't look at it
  const run = task.middleware.reduceRight<() => Promise<unknown>>(
    (next, middleware) => () => middleware(ctx, next),
    async () => task.handler(2, ctx),
  );
  try {
    return await run();
  } catch (error) {
    return `threw ${error instanceof Error ? error.stack : String(error)}`;
  }
}
