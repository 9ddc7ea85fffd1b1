/**
 * `taskrun [run]`: decides which kind of process this is to be: one that works, one that follows
 * changes, or one that supervises others. Loads only what that one needs.
 */

import { type LoadedConfig, loadConfig } from "../../config/load-config.ts";
import { usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import type { ExitCode } from "../exit-codes.ts";
import { needsReExecution, reExecute } from "../re-execute.ts";
import { startAlone } from "../start-alone.ts";
import { StopSignals } from "../stop-signals.ts";

/** What replacing code in a running process needs, and what frees the code replaced. */
const reloadFlags = [
  "--experimental-vm-modules",
  "--no-compilation-cache",
  "--disable-warning=ExperimentalWarning",
  // Young garbage of thousands of reloads would otherwise keep tens of megabytes.
  "--max-semi-space-size=8",
];

export async function run(args: CommandArguments): Promise<ExitCode> {
  const mode = { watch: args.isSet("watch"), once: args.isSet("once") };
  if (mode.watch && mode.once) throw usageError("--watch and --once exclude each other");
  // Children inherit the flags.
  if (mode.watch && needsReExecution(reloadFlags)) return reExecute(reloadFlags);
  const loaded = await loadConfig(args.forConfig());
  if (loaded.config.processes > 1) {
    const { runProcesses } = await import("./run-processes.ts");
    return runProcesses(loaded, mode);
  }
  if (mode.watch) return watch(args, loaded);
  const signals = new StopSignals();
  signals.start();
  return startAlone({ config: loaded.config, once: mode.once, supervised: null, signals });
}

async function watch(args: CommandArguments, loaded: LoadedConfig): Promise<ExitCode> {
  const { runWatch } = await import("./run-watch.ts");
  // What this load took from `.env` is watched, too.
  return runWatch(args, { previous: loaded, supervised: null });
}
