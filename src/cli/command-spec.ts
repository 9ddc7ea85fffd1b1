/** What there is to know of a command: its words, its flags, and where its code is. */

import type { OptionName } from "../config/schema.ts";
import type { CommandArguments } from "./command-arguments.ts";
import type { ExitCode } from "./exit-codes.ts";

export type Command = (args: CommandArguments) => Promise<ExitCode>;

export interface FlagSpec {
  readonly sentence: string;
  /** "switch" takes no value. */
  readonly kind: "text" | "switch";
  readonly shortFlag?: string;
}

export interface CommandSpec {
  /** The command and its arguments, in yargs' notation. */
  readonly usage: string;
  readonly sentence: string;
  readonly arguments: Readonly<Record<string, string>>;
  readonly flags: Readonly<Record<string, FlagSpec>>;
  /** The options of the configuration that it takes as flags. */
  readonly options: readonly OptionName[];
  readonly examples: readonly (readonly [command: string, sentence: string])[];
  readonly load: () => Promise<Command>;
}
