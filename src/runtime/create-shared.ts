/**
 * Makes what most parts of a process need, and what needs none of the others. Starts nothing.
 */

import type pg from "pg";
import { createEvents, type RuntimeEvents } from "../core/events.ts";
import { KeptConnection } from "../store/kept-connection.ts";
import { createHandlerPool, createQueuePool } from "../store/pools.ts";
import { type Schemas, schemasFor } from "../store/schemas.ts";
import { ErrorOrigins } from "./attempt/error-origins.ts";
import { StuckHandlers } from "./attempt/stuck-handlers.ts";
import { HandlerThreads } from "./isolation/handler-threads.ts";
import { RunningSlots } from "./presence/running-slots.ts";
import type { RuntimeOptions } from "./runtime.ts";
import { Completion } from "./settling/completion.ts";
import { TaskRegistry } from "./task-registry.ts";

/** What most parts need. */
export interface Shared extends RuntimeOptions {
  readonly schemas: Schemas;
  /** The queue pool: for short statements of ours alone. */
  readonly db: pg.Pool;
  /** One of its connections, for fetching. */
  readonly fetchConnection: KeptConnection;
  readonly handlerPool: pg.Pool;
  readonly events: RuntimeEvents;
  readonly registry: TaskRegistry;
  readonly runningSlots: RunningSlots;
  readonly origins: ErrorOrigins;
  readonly threads: HandlerThreads;
  readonly stuck: StuckHandlers;
  readonly completion: Completion;
}

export function createShared(options: RuntimeOptions): Shared {
  const { config, connectionString, logger } = options;
  const registry = new TaskRegistry();
  const events = createEvents((err, event) => logger.error({ err, event }, "a listener failed"));
  const schemas = schemasFor(config.schema);
  // Two fetches, two settlements, and what presence and progress need now and then.
  const db = createQueuePool({ connectionString, max: 5, onError: idleError(options) });
  const completion = new Completion(db, schemas);
  return {
    ...options,
    schemas,
    db,
    fetchConnection: new KeptConnection(db),
    handlerPool: handlerPoolOf(options),
    events,
    registry,
    threads: new HandlerThreads({ ...options, registry, schemas, completion }),
    stuck: new StuckHandlers({ logger, events }),
    completion,
    // `runJob` may run one more than the slots of the process.
    runningSlots: new RunningSlots(config.concurrency + 1),
    origins: new ErrorOrigins(options.tracesErrors),
  };
}

function handlerPoolOf(options: RuntimeOptions): pg.Pool {
  const { config, connectionString } = options;
  const onError = idleError(options);
  return createHandlerPool({ connectionString, max: config.handlerPoolSize, onError });
}

function idleError({ logger }: RuntimeOptions): (error: Error) => void {
  return (error) => logger.debug({ err: error }, "lost an idle connection");
}
