/**
 * Questions and answers over a port, in both directions: what a handler asks of the process
 * (steps, jobs to enqueue), and what the process asks of it (the functions of its steps).
 */

import { carefulJson } from "../../core/careful-json.ts";
import type { AnswerMessage, CallMessage } from "./thread-messages.ts";
import { fromWire, toWire, type Wire } from "./wire-error.ts";

type Answering = (...args: never[]) => unknown;

export interface ThreadCallsOptions {
  readonly post: (message: CallMessage | AnswerMessage) => void;
  /** What the other side may ask for. */
  readonly answers: Readonly<Record<string, Answering>>;
  /** An error that comes back to where it was thrown is the same object again. */
  readonly keepsOriginals?: boolean;
}

export class ThreadCalls {
  readonly #options: ThreadCallsOptions;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #originals = new Map<number, unknown>();
  /** Of things that came from the other side: their number there. */
  readonly #numbers = new WeakMap<object, number>();
  #count = 0;

  constructor(options: ThreadCallsOptions) {
    this.#options = options;
  }

  /** Asks the other side. */
  ask(name: string, ...args: readonly unknown[]): Promise<unknown> {
    this.#count += 1;
    const call = this.#count;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(call, answer);
    postSafely(this.#options.post, { kind: "call", call, name, args });
    return answer.promise;
  }

  /** Takes a message of the other side. */
  take(message: CallMessage | AnswerMessage): void {
    if (message.kind === "call") void this.#answer(message);
    else this.#settle(message);
  }

  /** What was thrown so far comes back no more: it is kept for nothing. */
  forgetOriginals(): void {
    this.#originals.clear();
  }

  /** The other side is gone: nothing will be answered. */
  fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  async #answer({ call, name, args }: CallMessage): Promise<void> {
    const { answers, post } = this.#options;
    try {
      const answer = answers[name];
      if (answer === undefined) throw new Error(`nothing answers ${name}`);
      const value: unknown = await Reflect.apply(answer, undefined, [...args]);
      postSafely(post, { kind: "answer", call, value });
    } catch (thrown) {
      post({ kind: "answer", call, error: this.#wire(thrown) });
    }
  }

  #settle({ call, value, error }: AnswerMessage): void {
    const answer = this.#waiting.get(call);
    this.#waiting.delete(call);
    if (error === undefined) answer?.resolve(value);
    else answer?.reject(this.#thrown(error));
  }

  #wire(thrown: unknown): Wire {
    if (this.#options.keepsOriginals !== true) {
      const known = typeof thrown === "object" && thrown !== null;
      return toWire(thrown, known ? this.#numbers.get(thrown) : undefined);
    }
    this.#count += 1;
    this.#originals.set(this.#count, thrown);
    return toWire(thrown, this.#count);
  }

  #thrown(wire: Wire): unknown {
    const { original } = wire;
    if (original !== undefined && this.#originals.has(original)) {
      return this.#originals.get(original);
    }
    const thrown = fromWire(wire);
    if (original !== undefined && typeof thrown === "object" && thrown !== null) {
      this.#numbers.set(thrown, original);
    }
    return thrown;
  }
}

/** What can't be cloned goes as far as JSON can say it. */
export function postSafely<M>(post: (message: M) => void, message: M): void {
  try {
    post(message);
  } catch {
    post(JSON.parse(carefulJson(message).json));
  }
}
