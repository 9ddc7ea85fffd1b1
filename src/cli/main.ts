/**
 * The command line's first and last step: finds the command, runs it, tells what went wrong and
 * ends the process with the right code. The only file that ends the process.
 */

import { CliError } from "./cli-error.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { hideKnownWarnings } from "./hide-known-warnings.ts";
import { flushOutput, sayError, surviveClosedPipes } from "./output.ts";
import { parseCommandLine } from "./parse-command-line.ts";

// Of its own, kept before anything guards it: `survive-stray-errors` refuses exits of handlers.
const endProcess = process.exit.bind(process);

/**
 * `argv` without node and the script. Ends the process; never returns to its caller. `program`
 * is another than the command that `argv` names.
 */
export async function main(
  argv: string[],
  program: (argv: string[]) => Promise<ExitCode> = runCommand,
): Promise<void> {
  hideKnownWarnings();
  surviveClosedPipes();
  const code = await program(argv).catch(tellError);
  await flushOutput();
  endProcess(code);
}

async function runCommand(argv: string[]): Promise<ExitCode> {
  const parsed = await parseCommandLine(argv);
  if (parsed === null) return exitCodes.ok;
  const command = await parsed.spec.load();
  return command(parsed.args);
}

async function tellError(error: unknown): Promise<ExitCode> {
  if (error instanceof CliError) {
    sayError(error.message, error.hint);
    return error.exitCode;
  }
  // Loaded only now: a command that ends well needs none of it.
  const { explainError } = await import("./explain-error.ts");
  const { message, hint, exitCode } = explainError(error);
  sayError(message, hint);
  return exitCode;
}
