/**
 * Runs the crontab of one process: at each minute it queues the jobs of the lines that are due.
 *
 * Every tick is queued once over all processes, by its row in the database. A process that
 * lives queues a tick late rather than never, up to an hour: the database was away, or the
 * machine slept. What is older, and what was missed before the process started, is made up for
 * as far back as the line's `fill=` reaches.
 */

import type pg from "pg";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { dueMinutes, floorToMinute, minuteMs } from "../core/cron-schedule.ts";
import type { CronItem, ParsedCrontab } from "../core/crontab.ts";
import type { RuntimeEvents } from "../core/events.ts";
import type { Logger } from "../core/logger.ts";
import type { Task } from "../core/task.ts";
import { checkCrontab } from "../discovery/crontab/check-crontab.ts";
import { parseCrontab } from "../discovery/crontab/parse-crontab.ts";
import { readCrontab } from "../discovery/crontab/read-crontab.ts";
import { type CronTick, forgetOldTicks, noteItems, queueTicks } from "../store/cron-ticks.ts";
import type { Schemas } from "../store/schemas.ts";
import { pause } from "../store/transient.ts";
import { columnsFor } from "./enqueueing/columns-for.ts";
import type { TaskRegistry } from "./task-registry.ts";

export interface CrontabOptions {
  readonly config: Pick<ResolvedConfig, "crontab">;
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  /** Default: the system's. */
  readonly clock?: Clock;
  readonly tasks: Pick<TaskRegistry, "catalog" | "find">;
  readonly events: RuntimeEvents;
  readonly logger: Logger;
}

/** How late a process that lives still queues a tick of any line. */
const latestMs = 60 * minuteMs;
/** Timers don't count while a machine sleeps, and clocks are set: look at the time often. */
const longestWaitMs = 10_000;
const ticksPerStatement = 500;
const betweenCleaningsMs = 60 * minuteMs;

interface DueTick {
  readonly item: CronItem;
  readonly atMs: number;
  readonly backfilled: boolean;
}

const nothing: ParsedCrontab = { text: "", items: [], failures: [] };

export class Crontab {
  readonly #options: CrontabOptions;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #parsed = nothing;
  #content = nothing;
  /** Since when each line is here: what was due before was not missed. */
  #addedMs = new Map<string, number>();
  #startMs = 0;
  /** All ticks up to this minute are queued; null before the first look at the database. */
  #doneMs: number | null = null;
  #hasNewItems = false;
  #cleanedMs = 0;
  #reading: Promise<unknown> = Promise.resolve();
  #started: Promise<void> | null = null;
  #loop: Promise<void> | null = null;

  constructor(options: CrontabOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** The lines that run, and what is wrong with the others. */
  get content(): ParsedCrontab {
    return this.#content;
  }

  /**
   * Reads the file and ticks from now on, unless the crontab is turned off. The database need
   * not answer at this moment.
   *
   * @throws TaskrunError `bad-config` when there is a file that can't be read
   */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  /** Replaces all lines; those that have changed begin now. Takes turns with other readings. */
  reload(text: string): Promise<ParsedCrontab> {
    return this.#inTurn(async () => {
      this.#parsed = await parseCrontab(text);
      this.#content = await checkCrontab(this.#parsed, this.#options.tasks.catalog);
      const before = this.#addedMs;
      const addedMs = this.#loop === null ? 0 : this.#clock.now();
      this.#addedMs = new Map(
        this.#parsed.items.map((item) => [lineKey(item), before.get(lineKey(item)) ?? addedMs]),
      );
      this.#hasNewItems = true;
      return this.#content;
    });
  }

  /** Compares the lines with the tasks once more, after those have changed. */
  recheck(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#parsed.items.length === 0) return;
      const known = new Set(this.#content.failures.map(({ line, reason }) => `${line} ${reason}`));
      this.#content = await checkCrontab(this.#parsed, this.#options.tasks.catalog);
      this.#hasNewItems = true;
      for (const { line, column, task, reason, fix } of this.#content.failures) {
        if (known.has(`${line} ${reason}`)) continue;
        const fields = { line, column, task, reason, fix };
        this.#options.logger.warn(fields, "a line of the crontab is left out");
      }
    });
  }

  /** Lets a statement end that runs, but not for longer than a second: it is all or nothing. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const late = new AbortController();
    await Promise.race([this.#loop, pause(1000, late.signal)]);
    late.abort();
  }

  async #start(): Promise<void> {
    const file = this.#options.config.crontab;
    if (file === false) return;
    this.#startMs = this.#clock.now();
    await this.reload(await readCrontab(file));
    this.#loop = this.#run();
  }

  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const turn = this.#reading.then(read);
    this.#reading = turn.catch(() => {});
    return turn;
  }

  async #run(): Promise<void> {
    const { logger } = this.#options;
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      let waitMs: number;
      try {
        await this.#catchUp();
        failures = 0;
        waitMs = minuteMs - (this.#clock.now() % minuteMs);
      } catch (error) {
        if (failures === 0) logger.warn({ err: error }, "the crontab waits for the database");
        failures += 1;
        waitMs = 250 * 2 ** failures;
      }
      await this.#clock.wait(Math.min(waitMs, longestWaitMs), signal);
    }
  }

  async #catchUp(): Promise<void> {
    const { db, schemas } = this.#options;
    const nowMs = floorToMinute(this.#clock.now());
    if (this.#content.items.length === 0) {
      this.#doneMs = nowMs;
      return;
    }
    let doneMs = this.#doneMs ?? floorToMinute(this.#startMs - 1);
    if (this.#doneMs === null || nowMs - doneMs > latestMs) {
      doneMs = Math.max(doneMs, nowMs - latestMs);
      await this.#makeUpFor(doneMs);
    } else if (this.#hasNewItems) {
      await this.#noteItems();
    }
    // A clock that was put back shows its minutes again; their rows say that they are done.
    this.#doneMs = Math.min(doneMs, nowMs);
    await this.#queue(this.#dueSince(this.#doneMs, nowMs));
    this.#doneMs = nowMs;
    if (Math.abs(nowMs - this.#cleanedMs) < betweenCleaningsMs) return;
    await forgetOldTicks(db, schemas, new Date(nowMs));
    this.#cleanedMs = nowMs;
  }

  #dueSince(doneMs: number, nowMs: number): DueTick[] {
    return this.#content.items.flatMap((item) => {
      const afterMs = Math.max(doneMs, this.#addedMs.get(lineKey(item)) ?? doneMs);
      const due = [...dueMinutes(item.schedule, { afterMs, untilMs: nowMs })];
      return due.map((atMs) => ({ item, atMs, backfilled: false }));
    });
  }

  /** Queues what lines that are known missed up to `untilMs`, as far back as they ask for. */
  async #makeUpFor(untilMs: number): Promise<void> {
    const { items } = this.#content;
    const seen = await this.#noteItems();
    const nowMs = this.#clock.now();
    const missed = items.flatMap((item): DueTick[] => {
      const seenMs = seen.get(item.identifier)?.getTime();
      if (seenMs === undefined || item.fillMs === 0) return [];
      const afterMs = Math.max(nowMs - item.fillMs - 1, seenMs);
      const due = [...dueMinutes(item.schedule, { afterMs, untilMs })];
      return due.map((atMs) => ({ item, atMs, backfilled: true }));
    });
    await this.#queue(missed);
  }

  async #noteItems(): Promise<ReadonlyMap<string, Date>> {
    const { db, schemas } = this.#options;
    const identifiers = this.#content.items.map(({ identifier }) => identifier);
    this.#hasNewItems = false;
    if (identifiers.length === 0) return new Map();
    try {
      return await noteItems(db, schemas, identifiers, new Date(this.#clock.now()));
    } catch (error) {
      this.#hasNewItems = true;
      throw error;
    }
  }

  async #queue(due: DueTick[]): Promise<void> {
    due.sort((a, b) => a.atMs - b.atMs);
    for (let start = 0; start < due.length; start += ticksPerStatement) {
      if (this.#stopping.signal.aborted) return;
      await this.#queueTogether(due.slice(start, start + ticksPerStatement));
    }
  }

  /** What the database refuses as it is holds up no other line. */
  async #queueTogether(due: readonly DueTick[]): Promise<void> {
    const { db, schemas } = this.#options;
    const ticks: CronTick[] = [];
    for (const each of due) ticks.push(...(await this.#cronTick(each)));
    try {
      for (const queued of await queueTicks(db, schemas, ticks)) this.#tell(queued, due);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const [first] = due;
      if (due.length > 1) for (const each of due) await this.#queueTogether([each]);
      else if (first !== undefined) this.#complain(error, first);
    }
  }

  /** None when the task's own function for its serial queue throws. */
  async #cronTick(due: DueTick): Promise<CronTick[]> {
    const { item, atMs, backfilled } = due;
    const tick = new Date(atMs);
    const _cron = { ts: tick.toISOString(), backfilled };
    const payload = item.addsCron ? { ...item.payload, _cron } : item.payload;
    const task = this.#options.tasks.find(item.task);
    try {
      const parsed = await parsedPayload(task, payload);
      const options = columnsFor(task, parsed, { ...item.options, runAt: tick });
      return [{ identifier: item.identifier, tick, task: item.task, payload, options }];
    } catch (error) {
      this.#complain(error, due);
      return [];
    }
  }

  #complain(error: unknown, { item, atMs }: DueTick): void {
    const { identifier, line, task } = item;
    const fields = { err: error, identifier, line, task, tick: new Date(atMs) };
    this.#options.logger.error(fields, "a line of the crontab could not be queued");
  }

  #tell(
    queued: { readonly identifier: string; readonly tick: Date; readonly jobId: string },
    due: readonly DueTick[],
  ): void {
    const { identifier, tick, jobId } = queued;
    const found = due.find(
      ({ item, atMs }) => item.identifier === identifier && atMs === tick.getTime(),
    );
    if (found === undefined) return;
    const { item, backfilled } = found;
    const fields = { identifier, task: item.task, tick, jobId, backfilled };
    this.#options.logger.info(fields, "queued a job of the crontab");
    this.#options.events.emit("crontab:queued", fields);
  }
}

/** As the handler will see it. What breaks the schema has been complained of when it was read. */
async function parsedPayload(task: Task | undefined, payload: unknown): Promise<unknown> {
  const checked = await task?.payloadSchema?.["~standard"].validate(payload);
  return checked === undefined || checked.issues !== undefined ? payload : checked.value;
}

/** Of the values (SQLSTATE 22, 23) or by a function of the queue (P0): not the database's state. */
function isRefusal(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(22|23|P0)...$/.test(code);
}

/** The same line in an earlier text; another time is another line. */
function lineKey({ identifier, pattern, schedule }: CronItem): string {
  return `${identifier} ${pattern} ${schedule.zone.name}`;
}
