/** What was asked of a client and has not ended: its close waits for it and lets no more in. */

import { TaskrunError } from "../core/errors.ts";

export class OpenCalls {
  #count = 0;
  #isClosed = false;
  readonly #ended = Promise.withResolvers<void>();

  /** @throws TaskrunError `client-closed` */
  async run<Result>(call: () => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw clientClosed();
    this.#count += 1;
    try {
      return await call();
    } finally {
      this.#count -= 1;
      if (this.#isClosed && this.#count === 0) this.#ended.resolve();
    }
  }

  /** Resolves when the last call has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#count > 0) await this.#ended.promise;
  }
}

export function clientClosed(): TaskrunError {
  return new TaskrunError("client-closed", "This client has been closed");
}
