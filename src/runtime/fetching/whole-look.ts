/**
 * A look at all that is due from the start of the queue, by the cheaper of two statements that will
 * do. Most of what the whole one costs a single job is making it ready to run, its parts for serial
 * queues and for jobs' details above all, and most databases have neither at most moments.
 */

import type { RowSource } from "../../store/kept-connection.ts";
import { fetchIfPlain, fetchJobs, type LookRequest } from "../../store/queue/fetch.ts";
import type { QueueJob } from "../../store/queue/queue-job.ts";
import type { Schemas } from "../../store/schemas.ts";

// Where jobs are not plain at one moment they aren't at the next: the cheap statement is in vain.
const wholeLastsMs = 10_000;

export class WholeLook {
  readonly #db: RowSource;
  readonly #schemas: Schemas;
  #wholeUntilMs = 0;

  constructor(db: RowSource, schemas: Schemas) {
    this.#db = db;
    this.#schemas = schemas;
  }

  /** Locks at most `limit` due jobs, best first. Throws what the database throws. */
  async fetch(request: LookRequest): Promise<QueueJob[]> {
    if (performance.now() < this.#wholeUntilMs) {
      return fetchJobs(this.#db, this.#schemas, request);
    }
    const quick = await fetchIfPlain(this.#db, this.#schemas, request);
    if (quick.length > 0) return quick;
    const jobs = await fetchJobs(this.#db, this.#schemas, request);
    if (jobs.length > 0) this.#wholeUntilMs = performance.now() + wholeLastsMs;
    return jobs;
  }
}
