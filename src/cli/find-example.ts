/** A job that can be queued here, for a command to begin with. */

import type { Catalog } from "../core/catalog.ts";
import { samplePayload } from "../runtime/enqueueing/sample-payload.ts";

export interface ExampleJob {
  readonly task: string;
  readonly payloadJson: string;
}

/** What fits into a line beside the command. */
const longestJson = 70;
const mostTasks = 20;

/** The first task that takes a short payload; null when none of the first does. Never rejects. */
export async function findExample({ tasks }: Pick<Catalog, "tasks">): Promise<ExampleJob | null> {
  for (const [name, task] of [...tasks].slice(0, mostTasks)) {
    const payload = await samplePayload(task);
    if (payload === undefined) continue;
    const payloadJson = JSON.stringify(payload);
    if (payloadJson.length <= longestJson) return { task: name, payloadJson };
  }
  return null;
}
