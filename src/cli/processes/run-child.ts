/** `taskrun run` in a process that a supervisor has started. */

import { loadConfig } from "../../config/load-config.ts";
import type { CommandArguments } from "../command-arguments.ts";
import type { ExitCode } from "../exit-codes.ts";
import { startAlone } from "../start-alone.ts";
import { Supervision } from "./supervision.ts";

export async function runChild(args: CommandArguments): Promise<ExitCode> {
  const supervision = new Supervision();
  const duties = await supervision.start();
  const supervised = { supervision, ...duties };
  if (args.isSet("watch")) {
    const { runWatch } = await import("../commands/run-watch.ts");
    return runWatch(args, { supervised });
  }
  const { config } = await loadConfig(args.forConfig());
  return startAlone({ config, once: args.isSet("once"), supervised, signals: supervision });
}
