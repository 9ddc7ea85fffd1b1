/**
 * The child's side of a supervised process: takes orders, sends reports. Signals that a terminal
 * sends to all its processes are left to the supervisor; when that one has gone, the child ends
 * well by itself.
 */

import type { StopRequests } from "../stop-signals.ts";
import type { Duties, OrderMessage, ReportMessage } from "./messages.ts";

/** What a process that isn't alone needs to know. */
export interface Supervised extends Duties {
  readonly supervision: Supervision;
}

const leftToSupervisor = ["SIGINT", "SIGHUP", "SIGUSR2"] as const;

export class Supervision implements StopRequests {
  readonly #first = new AbortController();
  readonly #second = new AbortController();
  readonly #begun = Promise.withResolvers<Duties>();
  #onPause: (paused: boolean) => void = () => {};

  /** Aborts when it is to end well; the reason says who asks. */
  get first(): AbortSignal {
    return this.#first.signal;
  }

  get second(): AbortSignal {
    return this.#second.signal;
  }

  /** Holds until the process ends. Resolves with the supervisor's first order. */
  start(): Promise<Duties> {
    for (const name of leftToSupervisor) process.on(name, () => {});
    // An orchestrator may tell every process of a group. Only the supervisor says "now".
    process.on("SIGTERM", () => this.#first.abort("SIGTERM"));
    process.on("message", (order: OrderMessage) => this.#take(order));
    process.on("disconnect", () => this.#first.abort("the supervisor has gone"));
    return this.#begun.promise;
  }

  /** Asks the supervisor to end all of its processes. */
  ask(name: string): void {
    this.tell({ kind: "ask", name });
  }

  tell(report: ReportMessage): void {
    // One that has gone hears nothing; `disconnect` tells.
    if (process.connected) process.send?.(report, undefined, {}, () => {});
  }

  /** `listener` is told when a key in another process has paused all, or lets them go on. */
  onPause(listener: (paused: boolean) => void): void {
    this.#onPause = listener;
  }

  #take(order: OrderMessage): void {
    if (order.kind === "begin") this.#begun.resolve(order);
    else if (order.kind === "pause") this.#onPause(order.paused);
    else {
      this.#first.abort(order.by);
      if (order.kind === "stop-now") this.#second.abort(order.by);
    }
  }
}
