/**
 * A dispatcher and its settler on a real queue, without the rest of a process: for tests of what
 * happens between one statement and the next. The test decides when a fetch is answered.
 */

import type pg from "pg";
import { pino } from "pino";
import { vi } from "vitest";
import { createEvents, type RuntimeEvents } from "../../src/core/events.ts";
import { resolveTask } from "../../src/core/resolve-task.ts";
import type { Task } from "../../src/core/task.ts";
import { Attempt } from "../../src/runtime/attempt/attempt.ts";
import { executeAttempt } from "../../src/runtime/attempt/execute-attempt.ts";
import { Dispatcher } from "../../src/runtime/fetching/dispatcher.ts";
import type { DispatcherOptions } from "../../src/runtime/fetching/dispatcher-options.ts";
import { Settler } from "../../src/runtime/settling/settle.ts";
import type { QueueJob } from "../../src/store/queue/queue-job.ts";
import type { QueueKit } from "./queue-kit.ts";

export interface DispatcherKit {
  readonly dispatcher: Dispatcher;
  readonly settler: Settler;
  readonly events: RuntimeEvents;
  /** How many fetches were asked for. */
  readonly fetches: number;
  readonly lines: Record<string, unknown>[];
  stop(): Promise<void>;
}

export interface DispatcherKitOptions {
  readonly handler: (payload: never, ctx: never) => unknown;
  readonly options?: Partial<Omit<DispatcherOptions, "fetch">>;
  /** Default: takes them from the queue for a process "p". */
  readonly fetch?: (limit: number) => Promise<QueueJob[]>;
  readonly db?: pg.Pool;
}

/**
 * Starts it so that jobs taken ahead stay however long they wait. Else they go back after half a
 * second, which on a slow machine is before the test has done anything.
 */
export function startPatiently(dispatcher: Dispatcher): void {
  vi.useFakeTimers({ toFake: ["setInterval"] });
  try {
    dispatcher.start();
  } finally {
    vi.useRealTimers();
  }
}

export function dispatcherKit(q: QueueKit, given: DispatcherKitOptions): DispatcherKit {
  const lines: Record<string, unknown>[] = [];
  const logger = pino(
    { level: "debug", base: null },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  const events = createEvents(() => undefined);
  const task: Task = resolveTask(given.handler, {
    name: "t",
    file: "/t.ts",
    version: 1,
    layers: [],
  });
  const settler = new Settler({
    db: given.db ?? q.db,
    schemas: q.schemas,
    events,
    logger,
    onSettled: (batch) => dispatcher.settled(batch),
    moreAtOnce: () => dispatcher.goesOnNextTurn,
  });
  let fetches = 0;
  const fetch = given.fetch ?? ((limit: number) => q.take("p", limit));
  const services = {
    logger,
    pool: q.db,
    enqueue: async () => ({ id: "0" }),
    saveProgress: () => undefined,
    settings: { timeoutGraceMs: 1000, logPayloads: false, classify: null },
  };
  const dispatcher: Dispatcher = new Dispatcher({
    concurrency: 10,
    settler,
    findTask: (name) => (name === "t" ? task : undefined),
    createAttempt: (job, version) => new Attempt(job, version, services),
    execute: executeAttempt,
    onFetchError: () => undefined,
    onFetched: () => undefined,
    onAttemptEnd: () => undefined,
    progressWritten: () => null,
    slotFreed: () => false,
    heldBack: () => null,
    fetchCode: () => null,
    ...given.options,
    fetch: async (limit) => {
      fetches += 1;
      const jobs = await fetch(limit);
      return { jobs, more: jobs.length >= limit, release: () => {} };
    },
  });
  return {
    dispatcher,
    settler,
    events,
    lines,
    get fetches() {
      return fetches;
    },
    async stop() {
      await dispatcher.stopFetching();
      await dispatcher.untilIdle();
      await settler.stop(5000);
    },
  };
}
