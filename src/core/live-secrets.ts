/**
 * The secret texts of the jobs that run in this process, or did a moment ago: what its log lines
 * must not show. One for the process, since whoever writes a line need not know of the job.
 */

import { type SecretTexts, shortestFound } from "./mask.ts";
import { processWide } from "./process-wide.ts";

/** So long after an attempt's end a line may still tell of it. */
const lingerMs = 60_000;

/** So few are quicker looked for one by one. */
const few = 20;

export class LiveSecrets {
  readonly #held = new Set<SecretTexts>();
  /** In the order of their ends, with these as epoch milliseconds. */
  readonly #ended = new Map<SecretTexts, number>();
  /** By what they begin with: a busy process has ended ten thousands of attempts in a minute. */
  readonly #byBegin = new Map<string, Set<SecretTexts>>();

  /** Masks these texts from now on. */
  hold(texts: SecretTexts): void {
    this.#forgetOld();
    if (texts.isEmpty) return;
    this.#held.add(texts);
    for (const begin of texts.begins()) {
      const same = this.#byBegin.get(begin);
      if (same === undefined) this.#byBegin.set(begin, new Set([texts]));
      else same.add(texts);
    }
  }

  /** The attempt has ended. */
  release(texts: SecretTexts): void {
    if (this.#held.delete(texts)) this.#ended.set(texts, Date.now());
  }

  /** Those that are in the text; usually none. */
  foundIn(text: string): readonly SecretTexts[] {
    const count = this.#held.size + this.#ended.size;
    if (count === 0) return [];
    const likely = count <= few ? [...this.#held, ...this.#ended.keys()] : this.#begunIn(text);
    return [...likely].filter((texts) => texts.isIn(text));
  }

  #begunIn(text: string): Set<SecretTexts> {
    const found = new Set<SecretTexts>();
    for (let at = 0; at + shortestFound <= text.length; at += 1) {
      const begun = this.#byBegin.get(text.slice(at, at + shortestFound));
      for (const texts of begun ?? []) found.add(texts);
    }
    return found;
  }

  #forgetOld(): void {
    const oldest = Date.now() - lingerMs;
    for (const [texts, endedAtMs] of this.#ended) {
      if (endedAtMs > oldest) return;
      this.#ended.delete(texts);
      for (const begin of texts.begins()) this.#forget(texts, begin);
    }
  }

  #forget(texts: SecretTexts, begin: string): void {
    const same = this.#byBegin.get(begin);
    same?.delete(texts);
    if (same?.size === 0) this.#byBegin.delete(begin);
  }
}

export function liveSecrets(): LiveSecrets {
  return processWide("live-secrets", () => new LiveSecrets());
}
