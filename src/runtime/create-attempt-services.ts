/** Makes what attempts need of the process they run in. */

import { parentEnds } from "../store/dependencies.ts";
import { addPlainJobs } from "../store/plain-jobs.ts";
import type { AttemptServices } from "./attempt/attempt.ts";
import type { Shared } from "./create-shared.ts";
import { CoalescedAdds } from "./enqueueing/coalesced-adds.ts";
import { createEnqueuer } from "./enqueueing/enqueue.ts";
import type { LogWriter } from "./settling/log-writer.ts";
import type { ProgressWriter } from "./settling/progress-writer.ts";
import { databaseJournal } from "./steps/database-journal.ts";
import { maskedJournal } from "./steps/masked-journal.ts";

export interface AttemptServicesNeeds {
  readonly logs: LogWriter;
  readonly progress: ProgressWriter;
}

export function createAttemptServices(
  shared: Shared,
  { logs, progress }: AttemptServicesNeeds,
): AttemptServices {
  const { config, db, handlerPool, logger, registry, schemas, threads } = shared;
  const adds = new CoalescedAdds((jobs) => addPlainJobs(handlerPool, schemas, jobs));
  const { enqueue } = createEnqueuer({
    db: handlerPool,
    schemas,
    addPlain: (job) => adds.add(job),
    findTask: (name) => registry.find(name),
  });
  return {
    logger,
    pool: handlerPool,
    enqueue,
    origins: shared.origins,
    isolation: threads,
    stuck: shared.stuck,
    completion: shared.completion,
    journal: (attempt) => maskedJournal(databaseJournal(db, schemas, attempt), attempt.secrets),
    parentEnds: (ids) => parentEnds(handlerPool, schemas, ids),
    saveProgress: (attempt, reported) => progress.save(attempt.job.id, reported),
    keepLog: (job, log) => (config.keepLogs ? logs.keep(job, log) : log),
    settings: {
      timeoutGraceMs: config.timeoutGraceMs,
      logPayloads: config.logPayloads,
      classify: config.classify,
    },
  };
}
