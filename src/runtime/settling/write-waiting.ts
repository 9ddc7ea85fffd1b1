/** Writes attempts that wait for other jobs: one of the kinds of batch of `write-batch.ts`. */

import type { OutcomeState } from "../../core/outcome.ts";
import { suspendJobs } from "../../store/queue/suspend.ts";
import { type EndedAttempt, settlementOf, type WriteBatch, writeOthers } from "./write-batch.ts";

export const writeWaiting: WriteBatch = async (db, schemas, batch, tries) => {
  const became = await suspendJobs(db, schemas, batch.map(asWaiting));
  const superseded = batch.filter(({ job }) => became.get(job.id) === "superseded");
  const states = new Map<string, OutcomeState>();
  for (const { job } of batch) {
    // It leaves no record: sent twice, it counts as landed.
    if (became.get(job.id) === "waiting" || tries > 1) states.set(job.id, "waiting");
  }
  if (superseded.length === 0) return states;
  const ended = await writeOthers(db, schemas, superseded.map(asSnoozed), tries);
  return ended === "as is" ? states : new Map([...states, ...ended]);
};

function asWaiting(ended: EndedAttempt) {
  const { outcome } = ended;
  return { ...settlementOf(ended), jobs: outcome.state === "waiting" ? outcome.jobs : [] };
}

/** A job whose key was taken over is not run again, whatever its attempt asked for. */
function asSnoozed(ended: EndedAttempt): EndedAttempt {
  return { ...ended, outcome: { state: "snoozed", delayMs: 0, reason: null } };
}
