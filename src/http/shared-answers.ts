/**
 * One answer for all who ask the same at the same time: many open dashboards cost the database as
 * much as one. Only what takes long is shared, and what is shared is soon asked for anew; what is
 * answered at once is never old.
 */

interface Kept<Answer> {
  readonly answer: Promise<Answer>;
  /** How long the answers of this question take; null = not known yet. */
  tookMs: number | null;
  /** Until then it is given to others. */
  untilMs: number;
}

/** Quicker ones are asked for each time. */
const quickMs = 10;
/** An answer that took 50 ms more than that is kept for a second. */
const keptPerMs = 20;
const longestKeptMs = 2_000;
const mostKept = 200;

export class SharedAnswers<Answer> {
  readonly #kept = new Map<string, Kept<Answer>>();

  /** `ask` is called when no answer is there that is new enough. */
  answer(key: string, ask: () => Promise<Answer>): Promise<Answer> {
    const known = this.#kept.get(key);
    if (known !== undefined && performance.now() < known.untilMs) return known.answer;
    const begunMs = performance.now();
    const tookMs = known?.tookMs ?? null;
    const kept: Kept<Answer> = {
      answer: ask(),
      tookMs,
      // While it is being made, if that is known to take its time.
      untilMs: tookMs !== null && tookMs > quickMs ? Number.POSITIVE_INFINITY : 0,
    };
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    this.#forgetOldest();
    kept.answer.then(
      () => {
        const nowMs = performance.now();
        kept.tookMs = nowMs - begunMs;
        const keptMs = Math.max(0, kept.tookMs - quickMs) * keptPerMs;
        // What has been cleared meanwhile stays so.
        if (kept.untilMs >= 0) kept.untilMs = nowMs + Math.min(keptMs, longestKeptMs);
      },
      () => {
        kept.untilMs = 0;
      },
    );
    return kept.answer;
  }

  /** Something has been changed by who will look now. */
  clear(): void {
    for (const kept of this.#kept.values()) kept.untilMs = -1;
  }

  #forgetOldest(): void {
    if (this.#kept.size <= mostKept) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }
}

/**
 * The same for the same question: a moment counts by how long ago it is, to the second, since
 * "within the last hour" is another moment each time.
 */
export function questionKey(path: string, query: unknown, nowMs: number): string {
  const entries = Object.entries(typeof query === "object" && query !== null ? query : {});
  const said = entries.sort().map(([name, value]) => {
    if (name !== "since" && name !== "until") return [name, value];
    const ageMs = nowMs - Date.parse(String(value));
    return [name, Number.isNaN(ageMs) ? value : Math.round(ageMs / 1_000)];
  });
  return `${path} ${JSON.stringify(said)}`;
}
