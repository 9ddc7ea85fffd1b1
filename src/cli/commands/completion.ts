/** `taskrun completion`: a shell's script, and the words that it asks for while one types. */

import { loadConfig } from "../../config/load-config.ts";
import { scan } from "../../discovery/scan.ts";
import { usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type CompletionSource, completeLine } from "../complete-line.ts";
import { completionScripts, type ShellName } from "../completion-scripts.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { print } from "../output.ts";

export async function completion(
  args: CommandArguments,
  source: Omit<CompletionSource, "listTaskNames">,
): Promise<ExitCode> {
  const line = args.text("line");
  if (line === undefined) {
    print(completionScripts[shellOf(args.text("shell"))]);
    return exitCodes.ok;
  }
  for (const { word, sentence } of await completeLine(line, {
    ...source,
    listTaskNames: () => taskNames(args),
  })) {
    print(sentence === "" ? word : `${word}\t${sentence}`);
  }
  return exitCodes.ok;
}

function shellOf(name: string | undefined): ShellName {
  const known = ["bash", "zsh", "fish"] as const;
  const shell = known.find((each) => each === name);
  if (shell !== undefined) return shell;
  throw usageError(
    name === undefined ? "which shell?" : `${name}: no script for this shell`,
    `There are ${known.map((each) => `\`taskrun completion ${each}\``).join(", ")}.`,
  );
}

/** By their paths alone: nobody waits for imports while typing. */
async function taskNames(args: CommandArguments): Promise<readonly string[]> {
  try {
    const { config } = await loadConfig(args.forConfig());
    return (await scan(config.tasks)).tasks.map(({ name }) => name);
  } catch {
    // A broken configuration is told by the command itself, not in the middle of a line.
    return [];
  }
}
