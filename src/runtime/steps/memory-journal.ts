/**
 * A journal that lasts as long as its attempt: for attempts without a database, in unit tests.
 * No other job can be at a key here.
 */

import type { JobEnding } from "../../core/job.ts";
import type { Journal, KeptStep } from "../../core/journal.ts";

export class MemoryJournal implements Journal {
  readonly #steps = new Map<string, KeptStep>();
  readonly #once = new Map<string, { readonly resultJson: string | null }>();
  #position = 0;
  /** The last one that was written down. */
  ending: JobEnding | null = null;

  /** Steps that were done in attempts before. */
  constructor(done: readonly { readonly name: string; readonly resultJson: string | null }[] = []) {
    for (const { name, resultJson } of done) this.#put(name, resultJson, true);
  }

  /** As they are now, in the order in which they were done. */
  get list(): readonly KeptStep[] {
    return [...this.#steps.values()].sort((a, b) => a.position - b.position);
  }

  async steps(): Promise<KeptStep[]> {
    return [...this.list];
  }

  async keepStep({ name, resultJson, compensable }: Parameters<Journal["keepStep"]>[0]) {
    return this.#put(name, resultJson, compensable);
  }

  async beginEnding(ending: JobEnding): Promise<boolean> {
    this.ending = ending;
    return true;
  }

  async markCompensated(name: string): Promise<boolean> {
    this.#change(name, { state: "compensated", error: null });
    return true;
  }

  async markFailedTry({ name, tries, error, final }: Parameters<Journal["markFailedTry"]>[0]) {
    this.#change(name, { tries, error, state: final ? "uncompensated" : "done" });
    return true;
  }

  async claimOnce(key: string): ReturnType<Journal["claimOnce"]> {
    const found = this.#once.get(key);
    return found === undefined ? { state: "claimed" } : { state: "finished", ...found };
  }

  async findOnce(key: string) {
    return this.#once.get(key);
  }

  async finishOnce(key: string, _claim: string, { resultJson }: { resultJson: string | null }) {
    this.#once.set(key, { resultJson });
    return true;
  }

  async dropOnce(): Promise<void> {}

  #put(name: string, resultJson: string | null, compensable: boolean): number {
    this.#position += 1;
    const step = { name, position: this.#position, compensable, resultJson };
    this.#steps.set(name, { ...step, state: "done", tries: 0, error: null });
    return this.#position;
  }

  #change(name: string, change: Partial<KeptStep>): void {
    const step = this.#steps.get(name);
    if (step !== undefined) this.#steps.set(name, { ...step, ...change });
  }
}
