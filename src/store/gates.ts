/**
 * Pauses and breakers in the database: what everybody reads, and what processes and people write.
 * The rules by which a breaker opens and closes are SQL functions (migration 0008), so that any
 * two processes agree on them; the claim of a canary is in `queue/fetch-canary`.
 */

import type pg from "pg";
import type { Schemas } from "./schemas.ts";

export type GateKind = "all" | "task" | "queue";

export interface PauseRow {
  readonly kind: GateKind;
  /** "" for all. */
  readonly name: string;
  readonly paused_by: string | null;
  readonly reason: string | null;
  readonly paused_at: Date;
}

/** A breaker as the processes need it. Times are the database's, in epoch milliseconds. */
export interface BreakerRow {
  readonly task: string;
  readonly state: "closed" | "open" | "half_open";
  readonly failures: number;
  readonly openedAtMs: number | null;
  readonly openUntilMs: number | null;
  readonly canaryProcess: string | null;
  readonly canaryUntilMs: number | null;
  readonly lastError: string | null;
}

export interface GateRows {
  readonly pauses: readonly Omit<PauseRow, "paused_at">[];
  /** Without those that are closed and have counted nothing. */
  readonly breakers: readonly BreakerRow[];
  /** The database's clock. */
  readonly nowMs: number;
  /** The same text for the same pauses and breakers. */
  readonly fingerprint: string;
}

/** Two small tables in one statement. */
export async function readGates(db: pg.Pool, schemas: Schemas): Promise<GateRows> {
  const { rows } = await db.query({
    name: "taskrun gates",
    text: `
select pauses, breakers, ${fingerprint} as fingerprint,
  extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs"
from ${gatesAsText(schemas)}`,
  });
  const { pauses, breakers, nowMs, fingerprint: same } = rows[0];
  return {
    pauses: JSON.parse(pauses),
    breakers: JSON.parse(breakers),
    nowMs,
    fingerprint: same,
  };
}

/** An expression for `GateRows.fingerprint`. */
export function gatesFingerprint(schemas: Schemas): string {
  return `(select ${fingerprint} from ${gatesAsText(schemas)})`;
}

const fingerprint = "md5(gates.pauses || gates.breakers)";

function gatesAsText({ own }: Schemas): string {
  return `(select
  (select coalesce(json_agg(json_build_object('kind', kind, 'name', name, 'paused_by', paused_by,
    'reason', reason) order by kind, name), '[]') from ${own}.pauses)::text as pauses,
  (select coalesce(json_agg(json_build_object('task', task, 'state', state, 'failures', failures,
    'openedAtMs', extract(epoch from opened_at) * 1000,
    'openUntilMs', extract(epoch from open_until) * 1000, 'canaryProcess', canary_process,
    'canaryUntilMs', extract(epoch from canary_until) * 1000,
    'lastError', left(last_error, 200)) order by task), '[]')
    from ${own}.breakers where state <> 'closed' or failures > 0)::text as breakers
) gates`;
}

/** How attempts of a task ended, in their order; made by `runtime/holding-back/attempt-tally`. */
export interface AttemptCounts {
  /** Before the first success. */
  readonly failures: number;
  /** The longest run of failures after the first success; 0 without one. */
  readonly longest: number;
  /** Failures after the last success; null without one. */
  readonly lastRun: number | null;
  readonly error: string | null;
}

export interface BreakerThresholds {
  readonly failures: number;
  readonly successes: number;
  readonly openForMs: number;
}

export async function countAttempts(
  db: pg.Pool,
  { own }: Schemas,
  task: string,
  counts: AttemptCounts,
  { failures, openForMs }: BreakerThresholds,
): Promise<void> {
  const { longest, lastRun, error } = counts;
  await db.query(`select ${own}.count_attempts($1, $2, $3, $4, $5, $6, $7)`, [
    task,
    counts.failures,
    longest,
    lastRun,
    failures,
    openForMs,
    error,
  ]);
}

export type CanaryEnd = "success" | "failure" | "neither";

/** Does nothing when the process has lost its claim. */
export async function endCanary(
  db: pg.Pool,
  { own }: Schemas,
  canary: { readonly task: string; readonly processId: string },
  end: { readonly how: CanaryEnd; readonly error: string | null },
  { successes, openForMs }: BreakerThresholds,
): Promise<void> {
  await db.query(`select ${own}.end_canary($1, $2, $3, $4, $5, $6)`, [
    canary.task,
    canary.processId,
    end.how,
    successes,
    openForMs,
    end.error,
  ]);
}

/** Keeps this process's claims for as long again. */
export async function renewCanaries(
  db: pg.Pool,
  { own }: Schemas,
  request: { readonly tasks: readonly string[]; processId: string; leaseMs: number },
): Promise<void> {
  await db.query(
    `update ${own}.breakers set canary_until = now() + $3::float8 * interval '1 millisecond'
     where task = any ($1::text[]) and state = 'half_open' and canary_process = $2::text`,
    [request.tasks, request.processId, request.leaseMs],
  );
}

export interface PauseRequest {
  readonly kind: GateKind;
  readonly name: string;
  readonly by: string;
  readonly reason: string | null;
}

export async function pause(db: pg.Pool, { own }: Schemas, request: PauseRequest): Promise<void> {
  const { kind, name, by, reason } = request;
  await db.query(`select ${own}.pause($1, $2, $3, $4)`, [kind, name, by, reason]);
}

/** Whether anything was held: paused, or behind its breaker. */
export async function resume(
  db: pg.Pool,
  { own }: Schemas,
  gate: { readonly kind: GateKind; readonly name: string },
): Promise<boolean> {
  const { rows } = await db.query(`select ${own}.resume($1, $2) as held`, [gate.kind, gate.name]);
  return rows[0].held;
}

/** The longest-standing first. */
export async function listPauses(db: pg.Pool, { own }: Schemas): Promise<PauseRow[]> {
  const { rows } = await db.query(`select * from ${own}.pauses order by paused_at, kind, name`);
  return rows;
}

/** A breaker as people want to see it. */
export interface OpenBreakerRow {
  readonly task: string;
  readonly state: "open" | "half_open";
  readonly opened_at: Date;
  readonly open_until: Date;
  readonly failures: number;
  readonly successes: number;
  readonly last_error: string | null;
}

export async function listOpenBreakers(db: pg.Pool, { own }: Schemas): Promise<OpenBreakerRow[]> {
  const { rows } = await db.query(
    `select task, state, opened_at, open_until, failures, successes, last_error
     from ${own}.breakers where state <> 'closed' order by opened_at, task`,
  );
  return rows;
}

/** Whether any process has, or has published, a task of that name or alias. */
export async function isKnownTask(db: pg.Pool, { own }: Schemas, name: string): Promise<boolean> {
  const { rows } = await db.query(
    `select exists (select 1 from ${own}.tasks where name = $1)
       or exists (select 1 from ${own}.processes where $1 = any (tasks) and dead_at is null)
       as known`,
    [name],
  );
  return rows[0].known;
}
