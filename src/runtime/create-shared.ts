/**
 * Makes what most parts of a process need, and what needs none of the others. Starts nothing.
 */

import type pg from "pg";
import { createEvents, type RuntimeEvents } from "../core/events.ts";
import { createHandlerPool, createQueuePool } from "../store/pools.ts";
import { type Schemas, schemasFor } from "../store/schemas.ts";
import { ErrorOrigins } from "./attempt/error-origins.ts";
import { StuckHandlers } from "./attempt/stuck-handlers.ts";
import { HandlerThreads } from "./isolation/handler-threads.ts";
import { RunningSlots } from "./presence/running-slots.ts";
import type { RuntimeOptions } from "./runtime.ts";
import { TaskRegistry } from "./task-registry.ts";

/** What most parts need. */
export interface Shared extends RuntimeOptions {
  readonly schemas: Schemas;
  /** The queue pool: for short statements of ours alone. */
  readonly db: pg.Pool;
  readonly handlerPool: pg.Pool;
  readonly events: RuntimeEvents;
  readonly registry: TaskRegistry;
  readonly runningSlots: RunningSlots;
  readonly origins: ErrorOrigins;
  readonly threads: HandlerThreads;
  readonly stuck: StuckHandlers;
}

export function createShared(options: RuntimeOptions): Shared {
  const { config, connectionString, logger } = options;
  const registry = new TaskRegistry();
  const events = createEvents((err, event) => logger.error({ err, event }, "a listener failed"));
  return {
    ...options,
    handlerPool: handlerPoolOf(options),
    schemas: schemasFor(config.schema),
    // Two fetches, two settlements, and what presence and progress need now and then.
    db: createQueuePool({ connectionString, max: 5, onError: idleError(options) }),
    events,
    registry,
    threads: new HandlerThreads({ ...options, registry }),
    stuck: new StuckHandlers({ logger, events }),
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
