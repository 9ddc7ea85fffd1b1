/**
 * A journal that keeps the job's secrets out of what it writes: results of steps are sealed, so
 * that only the job reads them, and errors are masked. `ctx.once` is not: other jobs get that.
 */

import type { AttemptSecrets } from "../../core/attempt-secrets.ts";
import type { DoneStep, Journal, KeptStep } from "../../core/journal.ts";

/** The journal itself for a job without secrets. */
export function maskedJournal(journal: Journal, secrets: AttemptSecrets | null): Journal {
  if (secrets === null) return journal;
  return {
    ...journal,
    steps: async () => (await journal.steps()).map((step) => opened(step, secrets)),
    keepStep: (step) => journal.keepStep(sealed(step, secrets)),
    markFailedTry: (failed) =>
      journal.markFailedTry({ ...failed, error: secrets.texts.mask(failed.error) }),
  };
}

function sealed(step: DoneStep, { seal, texts }: AttemptSecrets): DoneStep {
  const { resultJson } = step;
  if (resultJson === null) return step;
  if (seal !== null) return { ...step, resultJson: seal.seal(resultJson) };
  return texts.isIn(resultJson) ? { ...step, secret: true } : step;
}

function opened(step: KeptStep, { seal }: AttemptSecrets): KeptStep {
  const { resultJson } = step;
  if (resultJson === null || seal === null) return step;
  return { ...step, resultJson: seal.open(resultJson) };
}
