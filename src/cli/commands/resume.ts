/** `taskrun resume`: ends a pause; of a task it closes the breaker too. */

import { loadConfig } from "../../config/load-config.ts";
import { listPauses, resume as resumeGate } from "../../store/gates.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { describeGate, gateFrom } from "../gate.ts";
import { printJson, say } from "../output.ts";
import { withStore } from "../with-store.ts";

export async function resume(args: CommandArguments): Promise<ExitCode> {
  const gate = gateFrom(args);
  const { config } = await loadConfig(args.forConfig());
  await withStore(config, { migrate: false }, async ({ pool, schemas }) => {
    const resumed = await resumeGate(pool, schemas, gate);
    if (args.isSet("json")) printJson({ ...gate, resumed });
    say(resumed ? `Resumed ${describeGate(gate)}.` : `Nothing held ${describeGate(gate)}.`);
    for (const other of await listPauses(pool, schemas)) {
      const by = other.paused_by === null ? "" : ` by ${other.paused_by}`;
      say(`Still paused${by}: ${describeGate(other)}.`);
    }
  });
  return exitCodes.ok;
}
