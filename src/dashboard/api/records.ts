/**
 * What the HTTP API answers, as this page reads it. Owns the names only; moments are ISO 8601
 * texts. What an older server doesn't send is optional here.
 */

import type { JobStatus } from "./job-status.ts";

export interface ProgressRecord {
  readonly done: number;
  readonly total: number | null;
  readonly message: string | null;
}

/** A line of a list of jobs. */
export interface JobRecord {
  readonly id: string;
  readonly task_type: string;
  readonly status: JobStatus;
  readonly priority: string | number;
  readonly created_at: string;
  readonly scheduled_at: string | null;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  readonly current_attempt: number;
  readonly max_attempts: number;
  readonly last_error: string | null;
  readonly progress: ProgressRecord | null;
  readonly queue: string | null;
  readonly key: string | null;
  readonly correlation_id: string | null;
  readonly created_by: string | null;
}

export interface AttemptRecord {
  readonly attempt: number;
  readonly state: string;
  readonly rule: string | null;
  readonly started_at: string | null;
  readonly finished_at: string;
  readonly next_run_at: string | null;
  readonly process: string | null;
  readonly run_ms: number | null;
  readonly error: {
    readonly name: string | null;
    readonly message: string | null;
    readonly stack: string | null;
  };
}

export interface StepRecord {
  readonly name: string;
  readonly state: "done" | "compensated" | "uncompensated";
  readonly compensable: boolean;
  readonly attempt: number;
  readonly result: unknown;
  readonly error: string | null;
  readonly started_at: string;
  readonly finished_at: string;
  readonly compensated_at: string | null;
}

/** Another job; null where nothing is kept of it any more. */
export interface RelativeRecord {
  readonly id: string;
  readonly task_type: string | null;
  readonly status: string | null;
}

export interface LogRecord {
  readonly attempt: number;
  readonly logged_at: string;
  readonly level: string;
  readonly message: string;
  readonly fields: unknown;
}

/** All that is kept of one job. */
export interface JobDetails extends JobRecord {
  readonly payload: unknown;
  readonly output: unknown;
  readonly metadata: unknown;
  readonly error: string | null;
  readonly attempts: readonly AttemptRecord[];
  readonly wait_ms: number | null;
  readonly run_ms: number | null;
  readonly process: string | null;
  readonly steps: readonly StepRecord[];
  readonly logs: readonly LogRecord[];
  readonly parent: RelativeRecord | null;
  readonly children: readonly RelativeRecord[];
  readonly waits_for: readonly RelativeRecord[];
  readonly waited_for_by: readonly RelativeRecord[];
  readonly explanation: string | null;
}

export interface ErrorGroupRecord {
  readonly fingerprint: string;
  readonly task_type: string;
  readonly error_name: string | null;
  readonly error_message: string;
  readonly frame: string | null;
  readonly count: number;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly example_id: string;
}

export interface PolicyRecord {
  readonly name: string;
  readonly value: unknown;
  readonly source: string | null;
}

export interface CatalogRecord {
  readonly task_type: string;
  readonly alias_of: string | null;
  readonly description: string | null;
  readonly payload_schema: unknown;
  readonly published_at: string;
  /** How many have it, or which. */
  readonly processes: number | readonly string[];
  readonly file?: string | null;
  readonly version?: number | null;
  readonly policies?: readonly PolicyRecord[] | null;
}

export interface PauseRecord {
  readonly kind: "all" | "task" | "queue";
  readonly name: string;
  readonly paused_by: string | null;
  readonly reason: string | null;
  readonly paused_at: string;
}

export interface BreakerRecord {
  readonly task: string;
  readonly state: "open" | "half_open";
  readonly opened_at: string;
  readonly open_until: string;
  readonly failures: number;
  readonly successes: number;
  readonly last_error: string | null;
}

export interface GatesRecord {
  readonly pauses: readonly PauseRecord[];
  readonly breakers: readonly BreakerRecord[];
}

export interface ProcessRecord {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly started_at: string;
  readonly running: number;
  readonly silent_ms?: number;
  readonly last_beat_at?: string;
  readonly tasks?: readonly string[] | null;
  readonly concurrency?: number | null;
  readonly loop_lag_ms?: number | null;
  readonly rss_bytes?: number | null;
  readonly stuck?: number | null;
}

export interface LatencyRecord {
  readonly p50: number | null;
  readonly p95: number | null;
}

export type StatsRecord = Readonly<Record<JobStatus, number>> & {
  readonly total: number;
  readonly completed_per_minute: number;
  readonly failed_per_minute: number;
  readonly wait_ms: LatencyRecord;
  readonly run_ms: LatencyRecord;
};

export type AllStatsRecord = StatsRecord & {
  readonly since: string;
  readonly until: string;
  readonly task_types: readonly (StatsRecord & { readonly task_type: string })[];
};

export interface LoadFailureRecord {
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly reason: string;
  readonly fix: string;
  readonly frame: string | null;
  readonly kind?: string;
  readonly code?: string;
}

export interface AttentionRecord {
  readonly kind: string;
  readonly count: number;
  readonly task_type?: string | null;
  readonly detail: string;
  readonly since?: string | null;
}

export interface SeriesRecord {
  readonly at: string;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly wait_p50_ms: number | null;
  readonly wait_p95_ms: number | null;
  readonly run_p50_ms: number | null;
  readonly run_p95_ms: number | null;
}

export interface OverviewRecord {
  readonly counts: Readonly<Record<string, number>>;
  readonly series: readonly SeriesRecord[];
  readonly attention: readonly AttentionRecord[];
}

export interface CrontabRecord {
  readonly identifier: string;
  readonly task_type: string;
  readonly schedule: string;
  readonly words: string;
  readonly time_zone: string;
  readonly payload: unknown;
  readonly line: number | null;
  readonly next_runs: readonly string[];
  readonly last_run: {
    readonly id: string | null;
    readonly at: string;
    readonly status: string | null;
  } | null;
  readonly paused: boolean;
}

export interface SessionRecord {
  readonly name: string | null;
  readonly scopes: readonly string[];
  readonly needs_token: boolean;
}

export interface BulkPreviewRecord {
  readonly count: number;
  readonly first_ids: readonly string[];
}

export interface BulkResultRecord {
  readonly count: number;
  /** How many ended up how: "due", "secrets gone". */
  readonly results?: Readonly<Record<string, number>>;
}

export interface CreatedRecord {
  readonly id: string;
  readonly task_type: string;
  readonly status: JobStatus;
}
