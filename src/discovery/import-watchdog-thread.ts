/**
 * The thread of `import-watchdog`. When the process has stood still for the limit, it lets a
 * process of its own import the files one by one, which hangs at the one at fault. Writes to the
 * terminal by itself, since the thread that owns it can't.
 */

import { spawn } from "node:child_process";
import { writeSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { workerData } from "node:worker_threads";

export interface ImportWatchdogThreadData {
  /** Counts up as long as the event loop turns. */
  readonly pulse: SharedArrayBuffer;
  readonly limitMs: number;
  readonly projectDir: string;
  /** Those that may be it: absolute paths. */
  readonly files: readonly string[];
}

/** Within the limit. They are counted, not the time: a process that was stopped is not at fault. */
const looks = 20;

/** A process that starts on a busy machine is silent for a while, too. */
const leastPatienceMs = 5_000;

// why: the only one who starts this thread passes it
watch(workerData as ImportWatchdogThreadData);

function watch(data: ImportWatchdogThreadData): void {
  const beats = new Int32Array(data.pulse);
  let last = -1;
  let still = 0;
  const timer = setInterval(async () => {
    const now = Atomics.load(beats, 0);
    still = now === last ? still + 1 : 0;
    last = now;
    if (still < looks) return;
    clearInterval(timer);
    const culprit = await findCulprit(data);
    // It may have come to an end meanwhile, just in time.
    if (Atomics.load(beats, 0) === last) endAll(culprit, data);
    else watch(data);
  }, data.limitMs / looks);
}

function endAll(
  culprit: string | null,
  { limitMs, projectDir }: Pick<ImportWatchdogThreadData, "limitMs" | "projectDir">,
): void {
  const who = culprit === null ? "a task file" : relative(projectDir, culprit);
  const what = `${who} held up everything for ${limitMs} ms while it was imported`;
  const fix = "End the loop at its top, or move the work into the handler.";
  writeSync(2, `error: ${what}: the start is given up.\n  ${fix} importTimeout allows more.\n`);
  process.kill(process.pid, "SIGKILL");
}

/** Null when it can't be told, as when a file loops only beside the others. */
async function findCulprit({
  files,
  limitMs,
  projectDir,
}: ImportWatchdogThreadData): Promise<string | null> {
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const script = fileURLToPath(new URL(`./import-one-by-one.${ending}`, import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, script], {
    cwd: projectDir,
    stdio: ["pipe", "ignore", "ignore", "pipe"],
  });
  child.stdin?.on("error", () => {});
  child.stdin?.end(JSON.stringify(files));
  let told = "";
  const cameToAnEnd = await new Promise<boolean>((resolve) => {
    child.once("exit", () => resolve(true));
    child.once("error", () => resolve(true));
    const patienceMs = Math.max(limitMs, leastPatienceMs);
    let patience = setTimeout(() => resolve(false), patienceMs);
    child.stdio[3]?.on("data", (chunk) => {
      told += chunk;
      clearTimeout(patience);
      patience = setTimeout(() => resolve(false), patienceMs);
    });
  });
  child.kill("SIGKILL");
  const index = told.match(/\d+/g)?.at(-1);
  return cameToAnEnd || index === undefined ? null : (files[Number(index)] ?? null);
}
