/**
 * How a client adds plain jobs on its own connections: one alone by the cheapest statement, as long
 * as its role may write the queue's tables; several together, and all others, by the function.
 */

import { errorChain, readProperty } from "../core/error-chain.ts";
import type { AddAll } from "../runtime/enqueueing/coalesced-adds.ts";
import { addPlainJobs, type PlainJob } from "../store/plain-jobs.ts";
import { addOnePlainJob } from "../store/queue/one-plain-job.ts";
import type { Schemas } from "../store/schemas.ts";
import type { ClientDatabase } from "./client-database.ts";

/** Throws what the database throws. */
export function addPlain(database: ClientDatabase, schemas: Schemas): AddAll {
  const one = database.prepared("taskrun add one plain job", "id");
  const several = database.prepared("taskrun add plain jobs", "ids");
  let mayWrite = true;

  /** Null: not added, for the function to do or to refuse. */
  async function addAlone(job: PlainJob): Promise<string | null> {
    try {
      return await addOnePlainJob(one, schemas, job);
    } catch (error) {
      if (!isUnusable(error)) throw error;
      mayWrite = false;
      return null;
    }
  }

  return async (jobs) => {
    const [job] = jobs;
    // Planned anew each time, the statement costs more than the function.
    const isCheaper = mayWrite && database.prepares && jobs.length === 1;
    const id = isCheaper && job !== undefined ? await addAlone(job) : null;
    return id === null ? addPlainJobs(several, schemas, jobs) : [id];
  };
}

/** No right to the tables, or none there (class 42): nothing has been added. */
function isUnusable(error: unknown): boolean {
  return errorChain(error).some((each) => {
    const code = readProperty(each, "code");
    return typeof code === "string" && /^(?:42|3F)/.test(code);
  });
}
