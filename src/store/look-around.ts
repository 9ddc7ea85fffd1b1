/**
 * What a process wants to know now and then whether it has anything to do or not, in one
 * statement: who else lives, whether a job is due, what pauses and breakers say, and which of the
 * things that are done in the background have anything to do. Counts up the process's own beat
 * with it where no thread does that.
 *
 * Each part is a step or two of an index, or a look at a table that is nearly always empty.
 */

import type pg from "pg";
import { gatesFingerprint } from "./gates.ts";
import { type Beat, beatsAsJson } from "./processes.ts";
import { hasUncountedEnds } from "./queue/ended-counts.ts";
import { mayBeDue } from "./queue/may-be-due.ts";
import { hasUnnamedFailures } from "./queue/name-failures.ts";
import type { Schemas } from "./schemas.ts";

/** What a beat says of its process. */
export interface Vitals {
  /** The jobs that its handlers are at. */
  readonly running: readonly number[];
  /** How late timers were at most since the beat before. */
  readonly loopLagMs: number;
  readonly rssBytes: number;
  /** Handlers that still run although their attempts have been settled without them. */
  readonly stuck: number;
}

export interface LookRequest {
  readonly processId: string;
  /** Null = something else beats for this process. */
  readonly vitals: Vitals | null;
  /** Whose due jobs are asked for, by the queue's numbers of the tasks' names. */
  readonly taskIds: readonly number[];
  /** Whether to ask what else there is to do; see `Chores`. */
  readonly chores: boolean;
}

/** What there is to do beside jobs. Whoever does it finds out himself what it is. */
export interface Chores {
  /** Requests to cancel a running job are open. */
  readonly cancellations: boolean;
  /** Jobs wait for others. */
  readonly blocked: boolean;
  /** Limits by key have left something that may be removed one day. */
  readonly limited: boolean;
  /** Jobs have ended that no statistics have counted. */
  readonly uncounted: boolean;
  /** Jobs have failed whose faults nobody has named. */
  readonly unnamed: boolean;
  /** The same text for the same pauses and breakers: `GateRows`. */
  readonly gates: string;
}

export interface Seen {
  /** False when the process beat, but its row is gone or says that it is dead. */
  readonly isAlive: boolean;
  /** Every process; this one's count as it was before. */
  readonly beats: readonly Beat[];
  /** A job may be due. True also where that can't be told without reading much. */
  readonly isDue: boolean;
  /** Null when nobody asked. */
  readonly chores: Chores | null;
  /** The server takes no writes: another one has taken its place. */
  readonly isReadOnly: boolean;
}

/** @throws what the database throws */
export async function lookAround(
  db: Pick<pg.Pool | pg.Client, "query">,
  schemas: Schemas,
  { processId, vitals, taskIds, chores }: LookRequest,
): Promise<Seen> {
  const { rows } = await db.query({
    name: "taskrun look",
    text: statement(schemas),
    values: [
      processId,
      vitals !== null,
      vitals?.running ?? [],
      vitals?.loopLagMs ?? 0,
      vitals?.rssBytes ?? 0,
      vitals?.stuck ?? 0,
      taskIds,
      chores,
    ],
  });
  const { isAlive, beats, isDue, isReadOnly, ...asked } = rows[0];
  return { isAlive, beats, isDue, isReadOnly, chores: chores ? asked : null };
}

function statement(schemas: Schemas): string {
  const { own } = schemas;
  const ifAsked = (condition: string) => `case when $8::boolean then ${condition} end`;
  return `
with beat as (
  update ${own}.processes set beat_seq = beat_seq + 1, beat_at = now(), running = $3::bigint[],
    loop_lag_ms = $4::int, rss_bytes = $5::bigint, stuck = $6::int
  where id = $1::text and dead_at is null and $2::boolean
  returning 1
)
select not $2::boolean or exists (select from beat) as "isAlive",
  current_setting('transaction_read_only') = 'on' as "isReadOnly",
  ${beatsAsJson(schemas)} as beats,
  ${mayBeDue(schemas, "$7::int[]")} as "isDue",
  ${ifAsked(`exists (select from ${own}.cancellations)`)} as cancellations,
  ${ifAsked(`(exists (select from ${own}.dependencies)
    or exists (select from ${own}.job_details d where d.blocked_run_at is not null))`)} as blocked,
  ${ifAsked(`(exists (select from ${own}.limit_keys) or exists (select from ${own}.limit_turns)
    or exists (select from ${own}.limit_starts))`)} as limited,
  ${ifAsked(hasUncountedEnds(schemas))} as uncounted,
  ${ifAsked(hasUnnamedFailures(schemas))} as unnamed,
  ${ifAsked(gatesFingerprint(schemas))} as gates`;
}
