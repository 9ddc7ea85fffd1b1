/**
 * Starts with a WarmLoader in a plain Node process, as a process that runs jobs does, and prints
 * what it knew without importing it. Then imports all of that and leaves its findings to the next.
 */

import { WarmLoader } from "../../src/runtime/warm-start/warm-loader.ts";

const { projectDir, environment, timeout, ends } = JSON.parse(process.argv[2] ?? "{}");
const loader = new WarmLoader({
  projectDir,
  tasksDir: `${projectDir}/tasks`,
  importTimeoutMs: 20_000,
  layers: [{ source: "worker.config.ts", defaults: { timeout }, middleware: [] }],
  manifestFile: `${projectDir}/.taskrun/start/tasks.json`,
  environment,
});
let catalog = await loader.load();
const tasks = [...catalog.tasks.values()];
const late = tasks.filter((task) => loader.late.has(task));
const different: string[] = [];
for (const task of ends === true ? [] : late) {
  const imported = await loader.late.import(task);
  if (imported.asKnown && (await loader.late.saysTheSame(task))) continue;
  different.push(task.name);
  catalog = loader.late.revise(catalog, task, imported);
}
await loader.late.remember(catalog);
await loader.close();
const printed = {
  late: late.map(({ name }) => name),
  eager: tasks.filter((task) => !loader.late.has(task)).map(({ name }) => name),
  different,
  failures: catalog.failures.map(({ task, reason }) => `${task}: ${reason}`),
  timeouts: Object.fromEntries(
    [...catalog.tasks.values()].map(({ name, policies }) => [name, policies.timeoutMs]),
  ),
};
process.stdout.write(JSON.stringify(printed));
