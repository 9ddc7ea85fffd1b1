/**
 * Asks the queue for jobs in the cheaper of two ways. Looking at serial queues costs a sixth of
 * a fetch even when there are none, so a deep queue is fetched without, for as long as no serial
 * queue has a job waiting; every such fetch says whether that still holds.
 */

import type pg from "pg";
import { fetchJobs, fetchPlainJobs } from "../store/queue/fetch.ts";
import type { QueueJob } from "../store/queue/queue-job.ts";
import type { Schemas } from "../store/schemas.ts";
import type { FetchableTasks } from "./fetchable-tasks.ts";

export interface JobFetcherOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly tasks: FetchableTasks;
  readonly processId: () => string;
}

// Below that the round trip is the cost, and a second one would be the price of a wrong guess.
const deepLimit = 100;

export class JobFetcher {
  readonly #options: JobFetcherOptions;
  #plainOnly = false;
  #untold: { readonly error: unknown } | null = null;

  constructor(options: JobFetcherOptions) {
    this.#options = options;
  }

  /**
   * Locks at most `limit` due jobs of the current tasks, best first.
   *
   * @throws what the database throws, perhaps of the second statement of the call before
   */
  async fetch(limit: number): Promise<QueueJob[]> {
    const untold = this.#untold;
    this.#untold = null;
    if (untold !== null) throw untold.error;
    const { db, schemas, tasks, processId } = this.#options;
    const taskNames = await tasks.byId();
    if (taskNames.size === 0) return [];
    const request = { processId: processId(), taskNames, limit };
    if (!this.#plainOnly || limit < deepLimit) {
      const jobs = await fetchJobs(db, schemas, request);
      this.#plainOnly = jobs.length >= deepLimit && jobs.every((job) => job.queue === null);
      return jobs;
    }
    const { jobs, serialJobsWait } = await fetchPlainJobs(db, schemas, request);
    this.#plainOnly = !serialJobsWait;
    // Fewer than asked for means to the caller that nothing is left.
    if (jobs.length === limit || !serialJobsWait) return jobs;
    const more = { ...request, limit: limit - jobs.length };
    // What the first statement has locked must reach the caller, whatever becomes of the second.
    const rest = await fetchJobs(db, schemas, more).catch((error) => {
      // Its reply may have been lost and have left locks: whoever calls must hear of it.
      this.#untold = { error };
      return [];
    });
    return jobs.concat(rest);
  }
}
