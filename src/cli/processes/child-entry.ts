/** What a supervisor starts as a child process: the command `run`, by the supervisor's orders. */

import { main } from "../main.ts";
import { parseCommandLine } from "../parse-command-line.ts";
import { runChild } from "./run-child.ts";

export async function childEntry(words: string[]) {
  const parsed = await parseCommandLine(words);
  if (parsed === null) throw new Error("a child process was started without a command");
  return runChild(parsed.args);
}

await main(process.argv.slice(2), childEntry);
