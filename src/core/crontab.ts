/** What a crontab says: its lines that can run, and what is wrong with the others. */

import type { CronSchedule } from "./cron-schedule.ts";

export interface ParsedCrontab {
  readonly text: string;
  /** In the order of the lines. */
  readonly items: readonly CronItem[];
  readonly failures: readonly CrontabFailure[];
}

/** One line that can run. */
export interface CronItem {
  /** 1-based. */
  readonly line: number;
  /** 1-based; of the task's name. */
  readonly taskColumn: number;
  /** 1-based; that of the task's name when the line has no payload. */
  readonly payloadColumn: number;
  /** What a tick is claimed by, over all processes: `id=`, or the task's name. */
  readonly identifier: string;
  /** A task's name or alias. */
  readonly task: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Whether the job's payload gets graphile-worker's `_cron`: not when its schema refuses it. */
  readonly addsCron: boolean;
  /** The five fields: "0 4 * * *". */
  readonly pattern: string;
  readonly schedule: CronSchedule;
  /** How far back missed ticks are made up for when a process starts. Default 0. */
  readonly fillMs: number;
  readonly options: CronJobOptions;
  /** The comment lines directly above. */
  readonly comment: string | null;
}

/** What is left out is for the task's file to say. */
export interface CronJobOptions {
  readonly maxAttempts?: number;
  readonly queue?: string;
  readonly priority?: number;
  readonly key?: string;
  readonly keyMode?: "replace" | "preserve_run_at";
}

/** A line that can't run: where, why, and how to mend it. Others run. */
export interface CrontabFailure {
  /** 1-based. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
  /** The task's name, when the line got that far. */
  readonly task: string | null;
  readonly reason: string;
  readonly fix: string;
  /** A few lines with the place marked. */
  readonly frame: string;
}
