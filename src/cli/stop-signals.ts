/**
 * Turns the signals that ask a process to end into two moments: the first asks to end well, the
 * second to end now. Owns the listeners; what ending means is the command's concern.
 */

import { setTimeout as sleep } from "node:timers/promises";

const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** npm hands on a Ctrl-C that the terminal has already sent to every process of the group. */
const echoMs = 50;

/** What a process that is to end is asked by. */
export interface StopRequests {
  /** Aborts when it is to end well; the reason says who asks. */
  readonly first: AbortSignal;
  /** Aborts when it is to end now. */
  readonly second: AbortSignal;
  /** Asks for the end by other means than a signal, such as a key; `name` says which. */
  ask(name: string): void;
}

export class StopSignals implements StopRequests {
  readonly #first = new AbortController();
  readonly #second = new AbortController();
  readonly #listener = (name: NodeJS.Signals) => this.#receive(name);
  #last: { readonly name: string; readonly atMs: number } | null = null;

  /** Aborts at the first signal; the reason is its name. */
  get first(): AbortSignal {
    return this.#first.signal;
  }

  /** Aborts at the second one. */
  get second(): AbortSignal {
    return this.#second.signal;
  }

  start(): void {
    for (const name of names) process.on(name, this.#listener);
  }

  stop(): void {
    for (const name of names) process.off(name, this.#listener);
  }

  ask(name: string): void {
    this.#receive(name);
  }

  #receive(name: string): void {
    const atMs = performance.now();
    const isEcho = this.#last?.name === name && atMs - this.#last.atMs < echoMs;
    this.#last = { name, atMs };
    if (isEcho) return;
    if (this.#first.signal.aborted) this.#second.abort(name);
    else this.#first.abort(name);
  }
}

/** After a second signal the process ends within 2 s; the rest is for ending it. */
const hurriedMs = 1700;

/** Resolves when the time is up that a second signal leaves. */
export async function hurried(signals: Pick<StopRequests, "second">): Promise<void> {
  await aborted(signals.second);
  await sleep(hurriedMs);
}

/** Resolves when `signal` has aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
