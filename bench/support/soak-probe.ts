/**
 * Loaded into the process under test before its own code (`node --import`): on SIGUSR2 it collects
 * garbage and writes what the process holds to SOAK_PROBE_FILE. It ends the process when the one
 * that measures is gone, so that no run outlives its bench.
 */

import { renameSync, writeFileSync } from "node:fs";
import { getHeapCodeStatistics, getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
import { BroadcastChannel, isMainThread, type Worker } from "node:worker_threads";

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
  /** The same of all other threads, after a collection of their garbage. */
  readonly threadObjectsMb: number;
  readonly externalMb: number;
  /** What keeps the event loop busy, timers of running handlers left out. */
  readonly resources: number;
  readonly resourceKinds: Readonly<Record<string, number>>;
  readonly contexts: number;
}

/** Threads inherit the flag that loads this, so that it is in each of them. */
const channel = new BroadcastChannel("soak-probe");
channel.unref();
const threadsPatienceMs = 1_000;

const file = process.env.SOAK_PROBE_FILE;
if (!isMainThread) answerAsThread();
else if (file !== undefined) answerAsProcess(file);

function answerAsProcess(file: string): void {
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
    const threadObjectsMb = await askThreads(threads.size);
    collect();
    const draft = `${file}.draft`;
    writeFileSync(draft, JSON.stringify({ number, threadObjectsMb, ...look() }));
    renameSync(draft, file);
  });
}

function answerAsThread(): void {
  channel.onmessage = ({ data }) => {
    if (data !== "look") return;
    collect();
    channel.postMessage(megabytes([process.memoryUsage().heapUsed]) - compiledMb());
  };
}

/** One that is just beginning or ending doesn't answer. */
async function askThreads(count: number): Promise<number> {
  let [total, missing] = [0, count];
  const { promise, resolve } = Promise.withResolvers<void>();
  channel.onmessage = ({ data }) => {
    total += Number(data);
    missing -= 1;
    if (missing === 0) resolve();
  };
  channel.postMessage("look");
  const late = setTimeout(resolve, threadsPatienceMs);
  if (count > 0) await promise;
  clearTimeout(late);
  return total;
}

function collect(): void {
  globalThis.gc?.();
  globalThis.gc?.();
}

function look(): Omit<Probe, "number" | "threadObjectsMb"> {
  const kinds: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) kinds[kind] = (kinds[kind] ?? 0) + 1;
  const resources = Object.entries(kinds)
    .filter(([kind]) => kind !== "Timeout" && kind !== "Immediate")
    .reduce((total, [, count]) => total + count, 0);
  const { heapUsed, heapTotal, external } = process.memoryUsage();
  return {
    heapUsedMb: megabytes([heapUsed]),
    objectsMb: megabytes([heapUsed]) - compiledMb(),
    compiledMb: compiledMb(),
    bytecodeMb: megabytes([getHeapCodeStatistics().bytecode_and_metadata_size]),
    committedMb: megabytes([heapTotal]),
    externalMb: megabytes([external]),
    resources,
    resourceKinds: kinds,
    contexts: getHeapStatistics().number_of_native_contexts,
  };
}

/** V8 keeps what it compiles in spaces of their own, with its notes about it. */
function compiledMb(): number {
  const spaces = getHeapSpaceStatistics().filter(({ space_name: name }) =>
    /^(?:code|trusted)_/.test(name),
  );
  return megabytes(spaces.map(({ space_used_size: size }) => size));
}

function megabytes(sizes: readonly number[]): number {
  return sizes.reduce((total, each) => total + each, 0) / 2 ** 20;
}
