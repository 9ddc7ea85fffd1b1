/** Lets any number of callers wait for the next time that something changes. */

export class NextChange {
  #waiting: PromiseWithResolvers<void> | null = null;

  wait(): Promise<void> {
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  happened(): void {
    this.#waiting?.resolve();
    this.#waiting = null;
  }
}
