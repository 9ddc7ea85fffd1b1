/**
 * A look at all that is due from the start of the queue, by the cheaper of two statements that will
 * do. Most of what the whole one costs a single job is making it ready to run, its part for serial
 * queues above all, and most databases have no serial job waiting at most moments.
 */

import type { RowSource } from "../../store/kept-connection.ts";
import { fetchJobs, fetchUnlessSerial, type LookRequest } from "../../store/queue/fetch.ts";
import type { QueueJob } from "../../store/queue/queue-job.ts";
import type { Schemas } from "../../store/schemas.ts";

// Where serial jobs wait at one moment they do at the next, and the cheap statement is in vain.
const serialJobsLastMs = 10_000;

export class WholeLook {
  readonly #db: RowSource;
  readonly #schemas: Schemas;
  #serialUntilMs = 0;

  constructor(db: RowSource, schemas: Schemas) {
    this.#db = db;
    this.#schemas = schemas;
  }

  /** Locks at most `limit` due jobs, best first. Throws what the database throws. */
  async fetch(request: LookRequest): Promise<QueueJob[]> {
    if (performance.now() < this.#serialUntilMs) {
      return fetchJobs(this.#db, this.#schemas, request);
    }
    const quick = await fetchUnlessSerial(this.#db, this.#schemas, request);
    if (quick.length > 0) return quick;
    const jobs = await fetchJobs(this.#db, this.#schemas, request);
    if (jobs.length > 0) this.#serialUntilMs = performance.now() + serialJobsLastMs;
    return jobs;
  }
}
