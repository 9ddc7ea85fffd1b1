/**
 * Loaded into the process under test before its own code (`node --import`): on SIGUSR2 it collects
 * garbage and writes what the process holds to SOAK_PROBE_FILE. It ends the process when the one
 * that measures is gone, so that no run outlives its bench.
 */

import { renameSync, writeFileSync } from "node:fs";
import { getHeapCodeStatistics, getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
import { isMainThread, type Worker } from "node:worker_threads";

export interface Probe {
  readonly number: number;
  /** All of the main thread's heap; the next two are its parts. */
  readonly heapUsedMb: number;
  /** What the program keeps: objects, strings, closures, modules. */
  readonly objectsMb: number;
  /**
   * What V8 has compiled. Machine code comes for hours: a function that runs once a second is hot
   * only then. It says nothing of what the program keeps.
   */
  readonly compiledMb: number;
  /** V8's form of every function that has run lately: tells old versions of code that stay. */
  readonly bytecodeMb: number;
  /** The memory that the main thread's heap has taken from the system, whether used or not. */
  readonly committedMb: number;
  /** The heaps of all other threads, with their garbage. */
  readonly threadHeapsMb: number;
  readonly externalMb: number;
  /** What keeps the event loop busy, timers of running handlers left out. */
  readonly resources: number;
  readonly resourceKinds: Readonly<Record<string, number>>;
  readonly contexts: number;
}

const file = process.env.SOAK_PROBE_FILE;
// Threads inherit the flag that loads this.
if (file !== undefined && isMainThread) {
  const measuredBy = process.ppid;
  setInterval(() => {
    if (process.ppid !== measuredBy) process.exit(1);
  }, 2_000).unref();
  const threads = new Set<Worker>();
  process.on("worker", (thread) => {
    threads.add(thread);
    thread.once("exit", () => threads.delete(thread));
  });
  let number = 0;
  process.on("SIGUSR2", async () => {
    number += 1;
    const threadHeapsMb = await heapsOf(threads);
    globalThis.gc?.();
    globalThis.gc?.();
    const draft = `${file}.draft`;
    writeFileSync(draft, JSON.stringify({ number, threadHeapsMb, ...look() }));
    renameSync(draft, file);
  });
}

async function heapsOf(threads: Iterable<Worker>): Promise<number> {
  // One that is just ending has no answer.
  const asked = [...threads].map((each) => each.getHeapStatistics().catch(() => null));
  const used = (await Promise.all(asked)).map((heap) => heap?.used_heap_size ?? 0);
  return megabytes(used);
}

function look(): Omit<Probe, "number" | "threadHeapsMb"> {
  const kinds: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) kinds[kind] = (kinds[kind] ?? 0) + 1;
  const resources = Object.entries(kinds)
    .filter(([kind]) => kind !== "Timeout" && kind !== "Immediate")
    .reduce((total, [, count]) => total + count, 0);
  const { heapUsed, heapTotal, external } = process.memoryUsage();
  // V8 keeps what it compiles apart, with what it notes for its own use.
  const compiled = getHeapSpaceStatistics()
    .filter(({ space_name: name }) => /^(?:code|trusted)_/.test(name))
    .map(({ space_used_size: size }) => size);
  return {
    heapUsedMb: megabytes([heapUsed]),
    objectsMb: megabytes([heapUsed]) - megabytes(compiled),
    compiledMb: megabytes(compiled),
    bytecodeMb: megabytes([getHeapCodeStatistics().bytecode_and_metadata_size]),
    committedMb: megabytes([heapTotal]),
    externalMb: megabytes([external]),
    resources,
    resourceKinds: kinds,
    contexts: getHeapStatistics().number_of_native_contexts,
  };
}

function megabytes(sizes: readonly number[]): number {
  return sizes.reduce((total, each) => total + each, 0) / 2 ** 20;
}
