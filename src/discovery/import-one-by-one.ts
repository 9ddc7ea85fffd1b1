/**
 * A process that imports files one after another and says on descriptor 3 which is next: what it
 * says last before it falls silent never comes to an end.
 */

import { readFileSync, writeSync } from "node:fs";
import { ImportPatience, importModule } from "./import-module.ts";
import { ModuleHooks } from "./module-hooks.ts";

/** A file that only waits for something is passed over: the loader names it. */
const patienceMs = 200;

export async function importOneByOne(files: readonly string[]): Promise<void> {
  const hooks = new ModuleHooks();
  hooks.start();
  // Silent means that something holds up everything, not that the machine is slow.
  const alive = setInterval(() => writeSync(3, "."), 100);
  for (const [index, file] of files.entries()) {
    writeSync(3, ` ${index} `);
    await importModule(file, hooks, new ImportPatience(patienceMs));
  }
  clearInterval(alive);
}

await importOneByOne(JSON.parse(readFileSync(0, "utf8")));
// Whatever the files have begun.
process.kill(process.pid, "SIGKILL");
