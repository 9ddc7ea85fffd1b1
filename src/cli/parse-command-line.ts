/**
 * From the words that were typed to a command and its arguments: the plain ones at once, all others
 * by `parse-with-help`, which is loaded only then.
 */

import { CommandArguments } from "./command-arguments.ts";
import { commandTable, defaultCommand } from "./command-table.ts";
import type { ParsedCommandLine } from "./parse-with-help.ts";
import { readPlainWords } from "./plain-words.ts";

/** Null when help or the version was asked for and has been printed. */
export async function parseCommandLine(
  words: readonly string[],
): Promise<ParsedCommandLine | null> {
  const plain = readPlainWords(words, commandTable, defaultCommand);
  if (plain !== null) {
    const { spec, values } = plain;
    return { spec, args: new CommandArguments(values, spec.options) };
  }
  const { parseWithHelp } = await import("./parse-with-help.ts");
  return parseWithHelp(words);
}
