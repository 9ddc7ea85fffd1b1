/**
 * The secret texts of the jobs that run in this process, or did a moment ago: what its log lines
 * must not show. One for the process, since whoever writes a line need not know of the job.
 */

import type { SecretTexts } from "./mask.ts";
import { processWide } from "./process-wide.ts";

/** So long after an attempt's end a line may still tell of it. */
const lingerMs = 60_000;

export class LiveSecrets {
  readonly #held = new Set<SecretTexts>();
  /** In the order of their ends, with these as epoch milliseconds. */
  readonly #ended = new Map<SecretTexts, number>();

  /** Masks these texts from now on. */
  hold(texts: SecretTexts): void {
    this.#forgetOld();
    if (!texts.isEmpty) this.#held.add(texts);
  }

  /** The attempt has ended. */
  release(texts: SecretTexts): void {
    if (this.#held.delete(texts)) this.#ended.set(texts, Date.now());
  }

  /** Those that are in the text; usually none. */
  foundIn(text: string): readonly SecretTexts[] {
    if (this.#held.size + this.#ended.size === 0) return [];
    return [...this.#held, ...this.#ended.keys()].filter((texts) => texts.isIn(text));
  }

  #forgetOld(): void {
    const oldest = Date.now() - lingerMs;
    for (const [texts, endedAtMs] of this.#ended) {
      if (endedAtMs > oldest) return;
      this.#ended.delete(texts);
    }
  }
}

export function liveSecrets(): LiveSecrets {
  return processWide("live-secrets", () => new LiveSecrets());
}
