import { expect, test } from "vitest";
import { AttemptSecrets } from "../../../src/core/attempt-secrets.ts";
import type { DoneStep, Journal } from "../../../src/core/journal.ts";
import { maskedJournal } from "../../../src/runtime/steps/masked-journal.ts";
import { MemoryJournal } from "../../../src/runtime/steps/memory-journal.ts";

const paths = { payload: [["key"]], output: [] };
const step = { name: "call", compensable: true, resultJson: '"Bearer hunter2"', startedAtMs: 0 };

/** A journal that remembers what it was given. */
function heard(): { journal: Journal; kept: DoneStep[]; errors: string[] } {
  const memory = new MemoryJournal();
  const kept: DoneStep[] = [];
  const errors: string[] = [];
  const journal: Journal = {
    steps: () => memory.steps(),
    keepStep(done) {
      kept.push(done);
      return memory.keepStep(done);
    },
    beginEnding: () => memory.beginEnding({ state: "cancelled", error: null, reason: null }),
    markCompensated: (name) => memory.markCompensated(name),
    async markFailedTry({ error }) {
      errors.push(error);
      return true;
    },
    claimOnce: (key) => memory.claimOnce(key),
    findOnce: (key) => memory.findOnce(key),
    finishOnce: (key, claim, result) => memory.finishOnce(key, claim, result),
    dropOnce: () => memory.dropOnce(),
  };
  return { journal, kept, errors };
}

test("results are kept without the payload's secrets and come back with them", async () => {
  const { journal, kept, errors } = heard();
  const secrets = new AttemptSecrets(paths, { payload: { key: "hunter2" }, metadata: null });
  const masked = maskedJournal(journal, secrets);
  await masked.keepStep(step);
  expect(JSON.stringify(kept)).not.toContain("hunter2");
  expect(await masked.steps()).toMatchObject([{ name: "call", resultJson: '"Bearer hunter2"' }]);
  await masked.markFailedTry({ name: "call", tries: 1, error: "no hunter2", final: false });
  expect(errors).toEqual(["no [secret]"]);
});

test("of a batch a result with a secret in it is marked as one", async () => {
  const { journal, kept } = heard();
  const secrets = new AttemptSecrets(paths, { payload: [{ key: "hunter2" }], metadata: null });
  await maskedJournal(journal, secrets).keepStep(step);
  await maskedJournal(journal, secrets).keepStep({ ...step, resultJson: '"fine"' });
  expect(kept.map(({ secret }) => secret)).toEqual([true, undefined]);
});

test("without secrets it is the journal itself", () => {
  const { journal } = heard();
  expect(maskedJournal(journal, null)).toBe(journal);
});
