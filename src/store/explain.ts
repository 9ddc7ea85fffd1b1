/**
 * Says in one sentence why a job isn't running, or what it is doing. The rules are tried in the
 * order of truth: what is said first holds whatever the later rules would find.
 */

import type pg from "pg";
import { endRules } from "./explain/end-rules.ts";
import { gateRules } from "./explain/gate-rules.ts";
import type { Explained, Rule } from "./explain/rule.ts";
import { turnRules } from "./explain/turn-rules.ts";
import { readSituation, type Situation } from "./queue/read-situation.ts";
import type { Schemas } from "./schemas.ts";

export interface Explanation extends Explained {
  readonly id: string;
}

const rules: readonly Rule[] = [...endRules, ...gateRules, ...turnRules];

/** Null when there is no such job. */
export async function explainJob(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  id: string,
): Promise<Explanation | null> {
  const situation = await readSituation(db, schemas, id);
  return situation === null ? null : { id, ...explain(situation, id) };
}

function explain(situation: Situation, id: string): Explained {
  for (const rule of rules) {
    const explained = rule(situation, id);
    if (explained !== null) return explained;
  }
  throw new TypeError("the last rule holds for every job");
}
