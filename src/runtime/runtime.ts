/** What a running process offers to the doors around it; `create-runtime` makes one. */

import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Catalog, TaskLoader } from "../core/catalog.ts";
import type { Clock } from "../core/clock.ts";
import type { ParsedCrontab } from "../core/crontab.ts";
import type { RuntimeEvents } from "../core/events.ts";
import type { Logger } from "../core/logger.ts";
import type { OutcomeState } from "../core/outcome.ts";
import type { Task } from "../core/task.ts";
import type { ErrorOrigin } from "./attempt/error-origins.ts";
import type { ThreadLog } from "./create-logger.ts";

export interface RuntimeOptions {
  readonly config: ResolvedConfig;
  readonly connectionString: string;
  readonly loader: TaskLoader;
  readonly logger: Logger;
  /** What the crontab goes by. Default: the system's. */
  readonly clock?: Clock;
  /** Where to write that the event loop is blocked, while it is. Default: nowhere. */
  readonly threadLog?: ThreadLog;
  /** Whether errors that nobody catches are traced to their attempts. Default: where it's cheap. */
  readonly tracesErrors?: boolean;
}

/** How many attempts ended how. */
export type DrainCounts = Readonly<Record<OutcomeState, number>>;

export interface Runtime {
  /** What the queue's locks carry. Another one after this process was declared dead. */
  readonly processId: string;
  /** The tasks and the load failures; empty before `start`. */
  readonly catalog: Catalog;
  /** The lines of the crontab that run, and what is wrong with the others. */
  readonly crontab: ParsedCrontab;
  readonly events: RuntimeEvents;
  /** Attempts that run at this moment. */
  readonly running: number;
  /** Handlers that still run although their attempts have been settled without them. */
  readonly stuck: number;
  /**
   * Migrates the database, loads the tasks and starts working. Tasks that can't be loaded are
   * in `catalog.failures` and stop nobody.
   *
   * @throws what the database throws, and TaskrunError `schema-newer` or `queue-incompatible`.
   */
  start(): Promise<void>;
  /**
   * Resolves when nothing is due any more, or when it is stopped; starts first if need be.
   * Retries that are due later are left. Counts what has ended since this call.
   */
  drain(): Promise<DrainCounts>;
  /**
   * Replaces the tasks: attempts that run end on the version they began with, every later one
   * has the new version. Jobs of tasks that have gone wait in the queue, uncounted.
   */
  publish(catalog: Catalog): void;
  /** Replaces the lines of the crontab; says which of them run from now on. Never rejects. */
  reloadCrontab(text: string): Promise<ParsedCrontab>;
  /** How many attempts still run on another version of the task than `task`. */
  runningOnOtherVersions(task: Task): number;
  /** Whether `pause` was called last. */
  readonly paused: boolean;
  /**
   * Takes no more jobs in this process; those that were taken but not started go back,
   * uncounted. Attempts that run go on. Resolves when no job waits here.
   */
  pause(): Promise<void>;
  /** Takes jobs again. */
  resume(): void;
  /**
   * Runs one job now, whether it is due or not, and nothing else; resolves when its outcome is
   * in the database. False when it can't be run: gone, running already, failed for good, or
   * behind a running job of its serial queue.
   */
  runJob(id: string): Promise<boolean>;
  /**
   * Where an error came from that nobody caught; the attempt fails with it if it still runs. To be
   * called in the listener that Node tells of it. Null when that can't be known.
   */
  claimError(error: unknown): ErrorOrigin | null;
  /**
   * Graceful: handlers may end, within the grace and the deadline of the config. Whether
   * everything was written down; if not, the database didn't answer, and other processes give
   * the jobs away once they miss this one.
   */
  stop(): Promise<boolean>;
  /** Aborts every handler and gives its job back; hastens a `stop` that is under way. */
  stopNow(): Promise<boolean>;
}
