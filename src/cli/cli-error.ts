/** A failure that a command tells a person in plain words, with the code to end with. */

import { type ExitCode, exitCodes } from "./exit-codes.ts";

export class CliError extends Error {
  readonly exitCode: ExitCode;
  /** What to do about it. */
  readonly hint: string | null;

  constructor(exitCode: ExitCode, message: string, hint: string | null = null) {
    super(message);
    this.name = "CliError";
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** For an unknown command or flag, or a value that can't be read. */
export function usageError(message: string, hint: string | null = null): CliError {
  // A word may have a hundred thousand characters.
  const short = message.length > 1_000 ? `${message.slice(0, 1_000)}…` : message;
  return new CliError(exitCodes.usage, short, hint);
}
