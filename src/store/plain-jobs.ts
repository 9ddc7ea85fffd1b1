/**
 * Adds plain jobs, however many, by one statement: those without a key, flags or jobs to wait for.
 * Owns how they go to `add_plain_jobs` in the database: what many of them have in common, their
 * kind, is sent once. Checks nothing; the options must have been checked.
 */

import type { Schemas } from "./schemas.ts";
import type { SqlRunner } from "./sql-runner.ts";

/** Alike jobs may share one: what is made of it is kept with it. */
export interface JobKind {
  /** The task's name and the options of `add_job`, as a JSON object; alike for alike jobs. */
  readonly json: string;
}

export interface PlainJob {
  readonly kind: JobKind;
  readonly payloadJson: string;
}

/** Their ids, in the order given. */
export async function addPlainJobs(
  db: SqlRunner,
  { own }: Schemas,
  jobs: readonly PlainJob[],
): Promise<string[]> {
  const { rows } = await db.query(
    `select ${own}.add_plain_jobs($1::text::jsonb, $2::text::int[], $3::text::json)::text as ids`,
    parametersFor(jobs),
  );
  const ids = rows[0]?.ids;
  return typeof ids === "string" ? ids.slice(1, -1).split(",") : [];
}

function parametersFor(jobs: readonly PlainJob[]): string[] {
  const places = new Map<string, number>();
  const kindOf: number[] = [];
  const payloads: string[] = [];
  for (const { kind, payloadJson } of jobs) {
    let place = places.get(kind.json);
    if (place === undefined) {
      place = places.size + 1;
      places.set(kind.json, place);
    }
    kindOf.push(place);
    payloads.push(payloadJson);
  }
  const kinds = `[${[...places.keys()].join(",")}]`;
  // A list of one is said out: the function has a shorter way for it.
  const isUniform = places.size === 1 && jobs.length > 1;
  return [kinds, isUniform ? "{}" : `{${kindOf.join(",")}}`, `[${payloads.join(",")}]`];
}
