/**
 * Asks the database at regular intervals what a process has to know and perhaps nobody has told
 * it, and hands it to the parts it is for. All of it is one statement (`store/look-around`), put
 * on the connection that listens: it is the poll, the heartbeat, the look at the other processes
 * and the question whether that connection still lives. An idle process sends nothing else.
 */

import type pg from "pg";
import type { Logger } from "../core/logger.ts";
import { type Chores, lookAround, type Seen, type Vitals } from "../store/look-around.ts";
import type { Schemas } from "../store/schemas.ts";
import type { BackgroundService } from "./background-service.ts";
import { within } from "./within.ts";

export interface RegularLookOptions {
  readonly db: Pick<pg.Pool, "query">;
  readonly schemas: Schemas;
  readonly logger: Logger;
  /** How often to beat and to look at the others. */
  readonly heartbeatIntervalMs: number;
  /** How often to ask for due jobs. */
  readonly pollIntervalMs: number;
  /** Asks on the connection that listens; null while there is none. */
  readonly askListener: <T>(question: (client: pg.Client) => Promise<T>) => Promise<T> | null;
  readonly presence: {
    readonly processId: string;
    vitals(): Vitals | null;
    looked(seen: Seen, askedAs: string): void;
    missed(): void;
  };
  /** Whose due jobs are asked for: the queue's numbers of the tasks' names. */
  readonly taskIds: () => Promise<readonly number[]>;
  /** There may be due jobs. */
  readonly onDue: () => void;
  readonly onChores: (chores: Chores) => void;
}

/** What can wait until then without anybody being kept waiting for it. */
const choresIntervalMs = 2_000;
// Of the pool; a listener that takes as long has been lost.
const longestLookMs = 5_000;
const longestStopMs = 1_000;
// When what a start has to do is done.
const makeReadyAfterMs = 250;

export class RegularLook implements BackgroundService {
  readonly #options: RegularLookOptions;
  readonly #tickMs: number;
  readonly #lastMs = { beat: 0, poll: 0, chores: Number.NEGATIVE_INFINITY };
  #chores: Chores | null = null;
  /** When a look last found that something had ended, or there was none. */
  #lastEndMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | null = null;
  /** Of the pool, and not answered yet. */
  #isOverdue = false;
  #stopped = false;

  constructor(options: RegularLookOptions) {
    this.#options = options;
    this.#tickMs = Math.min(options.heartbeatIntervalMs, options.pollIntervalMs);
  }

  start(): void {
    this.#lastMs.beat = performance.now();
    this.#lastMs.poll = this.#lastMs.beat;
    if (this.#tickMs <= makeReadyAfterMs) this.#schedule();
    else this.#schedule(makeReadyAfterMs, () => this.#makeReady());
  }

  /** What is being asked is answered, if the database answers. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    if (this.#looking !== null) await within(longestStopMs, this.#looking, null);
  }

  /** False when the last look has shown that there is nothing of the kind to do. */
  mayHave(chore: Exclude<keyof Chores, "gates">): boolean {
    return this.#chores?.[chore] ?? true;
  }

  /** For how long no job has ended, in any process; milliseconds. */
  get quietForMs(): number {
    return performance.now() - this.#lastEndMs;
  }

  #schedule(afterMs = this.#tickMs, look = () => this.#look()): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = look().finally(() => {
        this.#looking = null;
        this.#schedule();
      });
    }, afterMs).unref();
  }

  /**
   * A look that asks nothing. Making the statement ready takes the server as long as a dozen looks,
   * in which the connection tells of no job: so not when jobs may long be coming.
   */
  async #makeReady(): Promise<void> {
    const { schemas, presence, askListener } = this.#options;
    const { processId } = presence;
    const nothing = { processId, vitals: null, taskIds: [], chores: false };
    await askListener((client) => lookAround(client, schemas, nothing))?.catch(() => {});
  }

  async #look(): Promise<void> {
    const { heartbeatIntervalMs, pollIntervalMs, presence, onDue, onChores, logger } =
      this.#options;
    const beats = this.#isDue("beat", heartbeatIntervalMs);
    const polls = this.#isDue("poll", pollIntervalMs);
    const chores = this.#isDue("chores", choresIntervalMs);
    const { processId } = presence;
    try {
      const taskIds = polls ? await this.#options.taskIds() : [];
      const vitals = beats ? presence.vitals() : null;
      const seen = await this.#ask({ processId, vitals, taskIds, chores });
      if (this.#stopped) return;
      if (beats) presence.looked(seen, processId);
      if (seen.isDue) onDue();
      if (seen.chores === null) return;
      this.#chores = seen.chores;
      if (seen.chores.uncounted) this.#lastEndMs = performance.now();
      onChores(seen.chores);
    } catch (error) {
      if (this.#stopped) return;
      logger.debug({ err: error }, "could not look around");
      this.#chores = null;
      this.#lastEndMs = performance.now();
      if (beats) presence.missed();
      // Perhaps only this question can't be answered.
      if (polls) onDue();
    }
  }

  /** Looks come a little late: what is nearly due is due now. */
  #isDue(what: "beat" | "poll" | "chores", everyMs: number): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#lastMs[what] < everyMs - this.#tickMs / 2) return false;
    this.#lastMs[what] = nowMs;
    return true;
  }

  async #ask(request: Parameters<typeof lookAround>[2]): Promise<Seen> {
    const { db, schemas, askListener } = this.#options;
    const asked = askListener(async (client) => {
      const seen = await lookAround(client, schemas, request);
      // Then another server has taken the place of ours: this connection leads to the wrong one.
      if (seen.isReadOnly) throw new Error("the database is read-only now");
      return seen;
    });
    if (asked !== null) return asked;
    if (this.#isOverdue) throw new Error("the last look has not been answered yet");
    this.#isOverdue = true;
    const looking = lookAround(db, schemas, request).finally(() => {
      this.#isOverdue = false;
    });
    if (!(await within(longestLookMs, looking, null))) {
      throw new Error(`no answer from the database within ${longestLookMs} ms`);
    }
    return looking;
  }
}
