/**
 * Keeps the lines that handlers write with their jobs, for `taskrun show`. In the background and
 * best effort: lines gather in memory, bounded, and go out in batches; nothing here holds up or
 * fails an attempt. Attempts that log nothing cost nothing.
 */

import type pg from "pg";
import { pino } from "pino";
import { storable } from "../../core/failure.ts";
import type { Job } from "../../core/job.ts";
import { lineMasker } from "../../core/line-masker.ts";
import { logRedaction } from "../../core/log-redaction.ts";
import type { Logger } from "../../core/logger.ts";
import { toOutputJson } from "../../core/output-json.ts";
import { maskedText } from "../../core/secret.ts";
import { addLogLines, keptLines, type NewLogLine, type WrittenBefore } from "../../store/logs.ts";
import type { Schemas } from "../../store/schemas.ts";
import { pause, retryTransient } from "../../store/transient.ts";
import { keptLog } from "../attempt/kept-log.ts";
import type { BackgroundService } from "../background-service.ts";

export interface LogWriterOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly logger: Logger;
  /** What is not kept, as in the config. */
  readonly redact: readonly string[];
  /** Lines that wait at most; the oldest are dropped. Default 10,000. */
  readonly maxWaiting?: number;
}

const longestMessage = 2_000;
const longestFields = 16_000;
const maxBatch = 1_000;
// Lines that are written shortly after each other share a batch.
const gatherMs = 50;
const stopDeadlineMs = 1_000;

/** What an attempt has written so far. */
interface AttemptLines {
  readonly job: Pick<Job, "id" | "attempt">;
  waiting: NewLogLine[];
  /** Lines that are in the table, or were. */
  written: number;
  /** Since the last batch, for want of room. */
  dropped: number;
}

export class LogWriter implements BackgroundService {
  readonly #options: LogWriterOptions;
  readonly #maxWaiting: number;
  readonly #giveUp = new AbortController();
  readonly #copy: Logger;
  /** In the order of their oldest waiting line. */
  readonly #unwritten = new Set<AttemptLines>();
  #waiting = 0;
  #current: AttemptLines | null = null;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | null = null;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#maxWaiting = options.maxWaiting ?? 10_000;
    const { paths, keys } = logRedaction(options.redact);
    const mask = lineMasker(keys);
    // A logger of its own makes the texts: it knows of redaction, errors and placeholders.
    this.#copy = pino(
      {
        level: "info",
        base: null,
        timestamp: false,
        redact: { paths, censor: maskedText },
        formatters: { level: (label) => ({ level: label }) },
      },
      { write: (line) => this.#take(mask(line)) },
    );
  }

  start(): void {}

  /** Makes `log` a logger whose lines are kept with the job. */
  keep(job: Job, log: Logger): Logger {
    const lines = {
      job: { id: job.id, attempt: job.attempt },
      waiting: [],
      written: 0,
      dropped: 0,
    };
    return keptLog(log, this.#copyFor(lines, this.#copy));
  }

  /** Writes what waits, for a second at most. */
  async stop(): Promise<void> {
    const written = this.#writeAll();
    const late = pause(stopDeadlineMs, this.#giveUp.signal).then(() => this.#giveUp.abort());
    await Promise.race([written, late]);
    this.#giveUp.abort();
    clearTimeout(this.#timer);
  }

  /** What the copies are written to. Never throws: a line is not worth an attempt. */
  #copyFor(lines: AttemptLines, copy: Logger): Logger {
    const write =
      (level: "info" | "warn" | "error" | "fatal") =>
      (...given: unknown[]) => {
        this.#current = lines;
        try {
          Reflect.apply(copy[level], copy, given);
        } catch {
          // Fields whose getters throw: the logger itself will say so.
        } finally {
          this.#current = null;
        }
      };
    const nothing = (): void => {};
    return {
      level: "info",
      trace: nothing,
      debug: nothing,
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      fatal: write("fatal"),
      child: (...given: unknown[]) => this.#copyFor(lines, Reflect.apply(copy.child, copy, given)),
      isLevelEnabled: () => true,
    };
  }

  /** Called by the copying logger, within its call. */
  #take(line: string): void {
    const lines = this.#current;
    if (lines === null || this.#giveUp.signal.aborted) return;
    const { level, msg, ...fields } = JSON.parse(line);
    lines.waiting.push({
      jobId: lines.job.id,
      attempt: lines.job.attempt,
      loggedAtMs: Date.now(),
      level,
      message: storable(typeof msg === "string" ? msg : "", longestMessage),
      fieldsJson: storableFields(fields),
    });
    this.#waiting += 1;
    this.#unwritten.add(lines);
    if (lines.waiting.length > keptLines) this.#dropFirst(lines);
    if (this.#waiting > this.#maxWaiting) this.#dropOldest();
    this.#schedule();
  }

  #dropFirst(lines: AttemptLines): void {
    lines.waiting.shift();
    this.#waiting -= 1;
    if (lines.waiting.length === 0 && lines.dropped === 0) this.#unwritten.delete(lines);
  }

  #dropOldest(): void {
    for (const lines of this.#unwritten) {
      if (lines.waiting.length === 0) continue;
      lines.dropped += 1;
      this.#dropFirst(lines);
      return;
    }
  }

  #schedule(): void {
    if (this.#writing !== null || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#writeAll(), gatherMs);
    this.#timer.unref();
  }

  #writeAll(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#writeBatches().finally(() => {
      this.#writing = null;
      if (this.#unwritten.size > 0 && !this.#giveUp.signal.aborted) this.#schedule();
    });
    return this.#writing;
  }

  async #writeBatches(): Promise<void> {
    while (this.#unwritten.size > 0 && !this.#giveUp.signal.aborted) {
      const { lines, full } = this.#nextBatch();
      await this.#write(lines, full);
    }
  }

  #nextBatch(): { lines: NewLogLine[]; full: WrittenBefore[] } {
    const batch: NewLogLine[] = [];
    const full: WrittenBefore[] = [];
    for (const lines of this.#unwritten) {
      if (batch.length >= maxBatch) break;
      this.#unwritten.delete(lines);
      this.#waiting -= lines.waiting.length;
      const now = lines.dropped === 0 ? lines.waiting : [noteOf(lines), ...lines.waiting];
      batch.push(...now);
      const keep = Math.max(0, keptLines - now.length);
      if (lines.written > keep)
        full.push({ jobId: lines.job.id, attempt: lines.job.attempt, keep });
      lines.written += now.length;
      lines.waiting = [];
      lines.dropped = 0;
    }
    return { lines: batch, full };
  }

  async #write(lines: readonly NewLogLine[], full: readonly WrittenBefore[]): Promise<void> {
    const { db, schemas, logger } = this.#options;
    try {
      const { signal } = this.#giveUp;
      await retryTransient(() => addLogLines(db, schemas, lines, full), { signal });
    } catch (error) {
      logger.warn({ err: error, lines: lines.length }, "could not keep lines of handlers");
    }
  }
}

function noteOf({ job, waiting, dropped }: AttemptLines): NewLogLine {
  return {
    jobId: job.id,
    attempt: job.attempt,
    loggedAtMs: waiting[0]?.loggedAtMs ?? Date.now(),
    level: "warn",
    message: `${dropped} lines before this one were dropped: they came faster than they are kept`,
    fieldsJson: null,
  };
}

function storableFields(fields: object): string | null {
  if (Object.keys(fields).length === 0) return null;
  const json = toOutputJson(fields);
  if (json === null || json.length <= longestFields) return json;
  return toOutputJson({ cut: storable(json, longestMessage) });
}
