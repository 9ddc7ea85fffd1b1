/**
 * Makes the parts of one process and tells each about those it needs. A table of contents; each
 * part's how is in the file it is imported from. Starts nothing: that is `create-runtime.ts`.
 */

import type pg from "pg";
import type { Catalog } from "../core/catalog.ts";
import { Attempt } from "./attempt/attempt.ts";
import { executeAttempt } from "./attempt/execute-attempt.ts";
import { executeSuspect } from "./attempt/execute-suspect.ts";
import { isQuarantined, Quarantine } from "./attempt/quarantine.ts";
import type { BackgroundService } from "./background-service.ts";
import { createAttemptServices } from "./create-attempt-services.ts";
import { createPresence } from "./create-presence.ts";
import { createShared, type Shared } from "./create-shared.ts";
import { Crontab } from "./crontab.ts";
import { DatabaseHealth } from "./database-health.ts";
import { TaskPublisher } from "./enqueueing/task-publisher.ts";
import { Dispatcher } from "./fetching/dispatcher.ts";
import { FetchableTasks } from "./fetching/fetchable-tasks.ts";
import { JobFetcher } from "./fetching/job-fetcher.ts";
import { Wake } from "./fetching/wake.ts";
import { Gates } from "./holding-back/gates.ts";
import { LimitedTasks } from "./holding-back/limited-tasks.ts";
import { LateCode } from "./late-code.ts";
import { Plugins } from "./plugins.ts";
import { LockKeeper } from "./presence/lock-keeper.ts";
import type { Presence } from "./presence/presence.ts";
import { RegularLook } from "./regular-look.ts";
import type { RuntimeOptions } from "./runtime.ts";
import { LogWriter } from "./settling/log-writer.ts";
import { ProgressWriter } from "./settling/progress-writer.ts";
import { Settler } from "./settling/settle.ts";
import { BlockedSweep } from "./upkeep/blocked-sweep.ts";
import { CancelWatch } from "./upkeep/cancel-watch.ts";
import { listenToControl } from "./upkeep/control.ts";
import { EndedCounter } from "./upkeep/ended-counter.ts";
import { FailureNamer } from "./upkeep/failure-namer.ts";
import { Pruner } from "./upkeep/pruner.ts";

export interface Parts {
  readonly shared: Shared;
  readonly handlerPool: pg.Pool;
  readonly health: DatabaseHealth;
  readonly settler: Settler;
  readonly dispatcher: Dispatcher;
  readonly presence: Presence;
  readonly wake: Wake;
  readonly look: RegularLook;
  readonly locks: LockKeeper;
  readonly crontab: Crontab;
  /** Started in this order, stopped in the opposite one. */
  readonly services: readonly BackgroundService[];
  readonly lateCode: LateCode;
}

export function createParts(options: RuntimeOptions): Parts {
  const shared = createShared(options);
  const { config, db, logger, events, handlerPool, registry, schemas } = shared;
  // Parts know of each other by what they may ask, so that they can be made in any order.
  const health = new DatabaseHealth(events, logger);
  const settler = new Settler({
    ...shared,
    onSettled: (batch) => {
      dispatcher.settled(batch);
      limits.settled(batch);
      gates.settled(batch);
      cancels.settled(batch);
    },
    moreAtOnce: () => dispatcher.goesOnNextTurn,
    onGuarded: (ended, task, state) => gates.ended(ended, task, state),
  });
  const gates: Gates = new Gates({ ...shared, onChange: () => dispatcher.gatesChanged() });
  const logs = new LogWriter({ ...shared, redact: config.redact });
  const limits: LimitedTasks = new LimitedTasks({
    ...shared,
    processId: () => presence.processId,
    isIdle: () => dispatcher.running.size === 0,
    wake: () => dispatcher.wake(),
  });
  const tasks = new FetchableTasks(db, schemas, registry);
  const lateCode = createLateCode(shared, () => parts);
  const dispatcher: Dispatcher = createDispatcher(shared, {
    tasks,
    gates,
    lateCode,
    handlerPool,
    logs,
    settler,
    limits,
    processId: () => presence.processId,
    onAttempt: () => presence.expectWork(),
    onFetchError: (error) => {
      locks.expectGhosts();
      health.lost(error);
    },
    onFetched: () => health.answered(),
  });
  const presence: Presence = createPresence(shared, dispatcher, () => cancels.look());
  const processId = () => presence.processId;
  const cancels: CancelWatch = new CancelWatch({ ...shared, dispatcher, processId });
  const locks: LockKeeper = new LockKeeper({ ...shared, dispatcher, settler, processId });
  const wake = createWake(shared, { dispatcher, cancels, gates, health });
  const look = createLook(shared, { presence, wake, tasks, dispatcher, cancels, gates });
  const crontab = new Crontab({ ...shared, tasks: registry });
  const services: BackgroundService[] = [
    new Plugins({ ...shared, pool: handlerPool }),
    gates,
    logs,
    limits,
    cancels,
    shared.threads,
    ...createUpkeep(shared, look),
    new TaskPublisher({ ...shared, processId }),
    lateCode,
  ];
  const parts: Parts = {
    shared,
    handlerPool,
    health,
    settler,
    dispatcher,
    presence,
    wake,
    look,
    locks,
    crontab,
    services,
    lateCode,
  };
  return parts;
}

/** Replaces the tasks and tells everyone. */
export function replaceTasks(parts: Parts, catalog: Catalog): void {
  parts.shared.registry.publish(catalog);
  parts.dispatcher.wake();
  void parts.crontab.recheck();
  for (const service of parts.services) service.tasksChanged?.();
}

function createLateCode(shared: Shared, parts: () => Parts): LateCode {
  return new LateCode({
    ...shared,
    isBusy: () => parts().dispatcher.running.size > 0,
    publish: (catalog) => replaceTasks(parts(), catalog),
    giveBack: (task) =>
      parts().dispatcher.returnWaiting((job) => shared.registry.find(job.task) === task),
  });
}

/** What is done for all: by one process at a time, or by several without harm. */
function createUpkeep(shared: Shared, look: RegularLook): readonly BackgroundService[] {
  return [
    new Pruner({
      ...shared,
      isQuiet: () => look.quietForMs > quietMs,
      mayHaveLimits: () => look.mayHave("limited"),
    }),
    new EndedCounter({ ...shared, mayHaveWork: () => look.mayHave("uncounted") }),
    new FailureNamer({ ...shared, mayHaveWork: () => look.mayHave("unnamed") }),
    new BlockedSweep({ ...shared, mayHaveWork: () => look.mayHave("blocked") }),
  ];
}

const quietMs = 60_000;

interface DispatcherNeeds {
  readonly tasks: FetchableTasks;
  readonly gates: Gates;
  readonly lateCode: LateCode;
  readonly handlerPool: pg.Pool;
  readonly logs: LogWriter;
  readonly settler: Settler;
  readonly limits: LimitedTasks;
  readonly processId: () => string;
  readonly onAttempt: () => void;
  readonly onFetchError: (error: unknown) => void;
  readonly onFetched: () => void;
}

function createDispatcher(shared: Shared, needs: DispatcherNeeds): Dispatcher {
  const { config, db, loader, registry, runningSlots, schemas } = shared;
  const progress = new ProgressWriter(shared);
  const services = createAttemptServices(shared, { ...needs, progress });
  const { gates, lateCode, processId, tasks } = needs;
  const fetcher = new JobFetcher({
    db,
    connection: shared.fetchConnection,
    schemas,
    tasks,
    gates,
    processId,
    countHere: (task) => dispatcher.countOf(task),
    fetchLimited: (task, slots) => needs.limits.fetch(task, slots),
  });
  const quarantine = new Quarantine();
  const dispatcher: Dispatcher = new Dispatcher({
    concurrency: config.concurrency,
    settler: needs.settler,
    fetch: (limit, urgent) => fetcher.fetch(limit, urgent),
    slotFreed: (task) => fetcher.slotFreed(task),
    heldBack: () => gates.heldBack,
    findTask: (name) => lateCode.withCode(registry.find(name)),
    fetchCode: () => lateCode.fetchForJobs,
    createAttempt: (job, task) => {
      needs.onAttempt();
      loader.acquire?.(task);
      needs.limits.started(job, task);
      const attempt = new Attempt(job, task, services);
      if (!isQuarantined(job)) attempt.slot = runningSlots.take(job.id);
      return attempt;
    },
    onAttemptEnd: (attempt) => {
      runningSlots.free(attempt.slot);
      shared.origins.ended(attempt);
      loader.release?.(attempt.task);
    },
    progressWritten: (jobId) => progress.written(jobId),
    execute: (attempt) => {
      const outcome = attempt.job.suspect
        ? executeSuspect(attempt, {
            ...{ db: shared.db, schemas: shared.schemas, running: runningSlots, quarantine },
            processId: needs.processId(),
          })
        : executeAttempt(attempt);
      return attempt.task.policies.isolate === null
        ? outcome
        : shared.threads.untilFree(attempt, outcome);
    },
    onFetchError: needs.onFetchError,
    onFetched: needs.onFetched,
  });
  return dispatcher;
}

interface WakeNeeds {
  readonly dispatcher: Dispatcher;
  readonly cancels: CancelWatch;
  readonly gates: Gates;
  readonly health: DatabaseHealth;
}

function createWake(
  { connectionString, schemas }: Shared,
  { dispatcher, cancels, gates, health }: WakeNeeds,
): Wake {
  const wake: Wake = new Wake({
    connectionString,
    controlChannel: schemas.controlChannel,
    onWake: () => dispatcher.wake(),
    onControl: listenToControl({
      cancel: () => cancels.look(),
      gates: () => gates.changed(),
      due: (inMs) => wake.expect(inMs),
    }),
    onListening: () => {
      cancels.look();
      gates.changed();
    },
    onLost: (error) => health.lost(error),
    onBack: () => health.answered(),
  });
  return wake;
}

interface LookNeeds extends Omit<WakeNeeds, "health"> {
  readonly presence: Presence;
  readonly wake: Wake;
  readonly tasks: FetchableTasks;
}

function createLook(
  shared: Shared,
  { presence, wake, tasks, dispatcher, cancels, gates }: LookNeeds,
): RegularLook {
  const { heartbeatIntervalMs, pollIntervalMs } = shared.config;
  return new RegularLook({
    ...shared,
    heartbeatIntervalMs,
    pollIntervalMs,
    presence,
    askListener: (question) => wake.ask(question),
    taskIds: () => tasks.ids(),
    onDue: () => dispatcher.wake(),
    onChores: (chores) => {
      if (chores.cancellations) cancels.look();
      gates.seen(chores.gates);
    },
  });
}
