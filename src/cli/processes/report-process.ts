/** Tells a supervisor under which name this process holds jobs, also when it gets another. */

import type { ResolvedConfig } from "../../config/resolved-config.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Supervised } from "./supervision.ts";

export interface Workplace {
  readonly config: Pick<ResolvedConfig, "schema">;
  readonly connectionString: string;
}

/** Call it before the runtime takes jobs. */
export function reportProcess(
  { supervision }: Supervised,
  runtime: Pick<Runtime, "processId" | "events">,
  { config: { schema }, connectionString }: Workplace,
): void {
  const tell = (processId: string): void =>
    supervision.tell({ kind: "identity", processId, connectionString, schema });
  tell(runtime.processId);
  runtime.events.on("process:replaced", ({ newProcessId }) => tell(newProcessId));
}
