/**
 * Loaded into the process under test before its own code (`node --import`): on SIGUSR2 it collects
 * garbage and writes what the process holds to SOAK_PROBE_FILE. It ends the process when the one
 * that measures is gone, so that no run outlives its bench.
 */

import { renameSync, writeFileSync } from "node:fs";
import { getHeapStatistics } from "node:v8";

export interface Probe {
  readonly number: number;
  readonly heapUsedMb: number;
  readonly externalMb: number;
  /** What keeps the event loop busy, timers of running handlers left out. */
  readonly resources: number;
  readonly resourceKinds: Readonly<Record<string, number>>;
  readonly contexts: number;
}

const file = process.env.SOAK_PROBE_FILE;
if (file !== undefined) {
  const measuredBy = process.ppid;
  setInterval(() => {
    if (process.ppid !== measuredBy) process.exit(1);
  }, 2_000).unref();
  let number = 0;
  process.on("SIGUSR2", () => {
    number += 1;
    globalThis.gc?.();
    globalThis.gc?.();
    const draft = `${file}.draft`;
    writeFileSync(draft, JSON.stringify(look(number)));
    renameSync(draft, file);
  });
}

function look(number: number): Probe {
  const kinds: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) kinds[kind] = (kinds[kind] ?? 0) + 1;
  const { heapUsed, external } = process.memoryUsage();
  const resources = Object.entries(kinds)
    .filter(([kind]) => kind !== "Timeout" && kind !== "Immediate")
    .reduce((total, [, count]) => total + count, 0);
  return {
    number,
    heapUsedMb: heapUsed / 2 ** 20,
    externalMb: external / 2 ** 20,
    resources,
    resourceKinds: kinds,
    contexts: getHeapStatistics().number_of_native_contexts,
  };
}
