/** `taskrun explain <id>`: why a job isn't running, or what it is doing, in one sentence. */

import { loadConfig } from "../../config/load-config.ts";
import { explainJob } from "../../store/explain.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { jobId, noSuchJob } from "../job-id.ts";
import { print, printJson } from "../output.ts";
import { withStore } from "../with-store.ts";

export async function explain(args: CommandArguments): Promise<ExitCode> {
  const id = jobId(args);
  const { config } = await loadConfig(args.forConfig());
  const explanation = await withStore(config, { migrate: false }, ({ pool, schemas }) =>
    explainJob(pool, schemas, id),
  );
  if (explanation === null) throw noSuchJob(id);
  const { state, reason, sentence, facts } = explanation;
  if (args.isSet("json")) printJson({ id, state, reason, sentence, facts });
  else print(sentence);
  return exitCodes.ok;
}
