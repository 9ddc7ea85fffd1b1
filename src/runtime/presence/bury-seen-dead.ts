/**
 * Gives away the jobs of a process whose end somebody has seen: nobody need wait for its silence.
 * For a supervisor, which runs no jobs and has no connections of its own.
 */

import pg from "pg";
import { buryProcess, listBeats } from "../../store/processes.ts";
import type { RescuedJobs } from "../../store/queue/rescue.ts";
import { schemasFor } from "../../store/schemas.ts";
import { pause } from "../../store/transient.ts";

export interface SeenDead {
  readonly processId: string;
  readonly connectionString: string;
  /** graphile-worker's. */
  readonly schema: string;
  /** How it ended, for the jobs' errors. */
  readonly reason: string;
  /** All but what a late fetch may bring has been given away. */
  readonly onGivenAway?: () => void;
}

/** Its last statement, a beat or a fetch, may still be under way in the server. */
const tries = 5;
const betweenTriesMs = 50;
const lateFetchMs = 500;

/**
 * Resolves with what became of its jobs. What its last fetch locks
 * after the first look is given away by a second one.
 *
 * @throws what the database throws; the other processes will find it silent then
 */
export async function burySeenDead(dead: SeenDead): Promise<RescuedJobs> {
  const { connectionString } = dead;
  const db = new pg.Pool({
    connectionString,
    max: 1,
    application_name: "taskrun supervisor",
    connectionTimeoutMillis: 5_000,
    statement_timeout: 10_000,
  });
  db.on("error", () => {});
  try {
    const first = await buryOnce(db, dead);
    dead.onGivenAway?.();
    await pause(lateFetchMs);
    const second = first === null ? null : await buryOnce(db, dead);
    return sum(first ?? nothing, second ?? nothing);
  } finally {
    await db.end();
  }
}

const nothing: RescuedJobs = { returned: 0, retried: 0, failed: 0, dueInMs: [] };

/** Null when it has signed off. */
async function buryOnce(
  db: pg.Pool,
  { processId, schema, reason }: SeenDead,
): Promise<RescuedJobs | null> {
  const schemas = schemasFor(schema);
  for (let tried = 0; tried < tries; tried += 1) {
    const beat = (await listBeats(db, schemas)).find(({ id }) => id === processId);
    if (beat === undefined) return null;
    const rescued = await buryProcess(db, schemas, beat, reason);
    if (rescued !== undefined) return rescued;
    await pause(betweenTriesMs);
  }
  return nothing;
}

function sum(one: RescuedJobs, other: RescuedJobs): RescuedJobs {
  return {
    returned: one.returned + other.returned,
    retried: one.retried + other.retried,
    failed: one.failed + other.failed,
    dueInMs: [...one.dueInMs, ...other.dueInMs],
  };
}
