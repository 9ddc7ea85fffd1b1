/**
 * taskrun in this process or in several of their own, and how much processor time it has used by
 * the moment when so many jobs have run. Of the processes' own time by their word, sent every few
 * milliseconds along with the number of jobs.
 */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { taskName } from "./due-jobs.ts";
import type { ServerCpu } from "./server-cpu.ts";
import { taskrunSide } from "./taskrun-side.ts";

/** Where a fleet stands. */
export interface Mark {
  readonly ran: number;
  readonly atMs: number;
  /** User and system time of all its processes so far, microseconds. */
  readonly clientUs: number;
  readonly serverUs: number;
}

export interface CountingFleet {
  /** Resolves when so many jobs have run since the start; one at a time may be waited for. */
  reached(ran: number): Promise<Mark>;
  /** Resolves when nothing is due, and all that has run is settled. */
  settle(): Promise<void>;
  /** Takes no jobs until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

export interface FleetOptions {
  readonly connectionString: string;
  /** The tasks bench-0, bench-1 and so on. */
  readonly tasks: number;
  readonly serverCpu: ServerCpu | null;
}

/** What a process of a fleet is told, first and later; it tells when it has done that. */
export type FleetStart = Pick<FleetOptions, "connectionString" | "tasks">;
export type FleetOrder = "settle" | "pause" | "resume" | "stop";
export type FleetMessage =
  | { readonly kind: "started" | FleetOrder }
  | { readonly kind: "ran"; readonly ran: number; readonly clientUs: number };

export const concurrency = 24;

/** In this process, which then does nothing else worth counting. */
export async function startHere(options: FleetOptions): Promise<CountingFleet> {
  const { connectionString, tasks, serverCpu } = options;
  const side = taskrunSide({ name: "taskrun", connectionString, concurrency });
  const awaited = new AwaitedMark(serverCpu);
  let ran = 0;
  const handler = () => {
    if (++ran >= awaited.ran) awaited.reached(ran, ownUs());
    return { ok: true };
  };
  const running = await side.start(handlersOf(tasks, handler));
  return {
    reached: (count) => awaited.wait(count),
    settle: () => running.settled(),
    pause: () => running.pause(),
    resume: async () => running.resume(),
    async stop() {
      await running.stop();
      await side.close();
    },
  };
}

export function handlersOf(tasks: number, handler: () => unknown): Record<string, () => unknown> {
  const names = Array.from({ length: tasks }, (_, task) => taskName(task));
  return Object.fromEntries(names.map((name) => [name, handler]));
}

export function ownUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** In so many processes of their own. */
export async function startApart(
  processes: number,
  { connectionString, tasks, serverCpu }: FleetOptions,
): Promise<CountingFleet> {
  const script = join(import.meta.dirname, "counting-process.ts");
  const start: FleetStart = { connectionString, tasks };
  const children = Array.from({ length: processes }, () => fork(script, [JSON.stringify(start)]));
  const awaited = new AwaitedMark(serverCpu);
  const said = new Map<ChildProcess, { ran: number; clientUs: number }>();
  const total = (key: "ran" | "clientUs") =>
    [...said.values()].reduce((sum, one) => sum + one[key], 0);
  for (const child of children) {
    child.on("message", (message: FleetMessage) => {
      if (message.kind !== "ran") return;
      said.set(child, message);
      if (total("ran") >= awaited.ran) awaited.reached(total("ran"), total("clientUs"));
    });
  }
  const all = (kind: FleetMessage["kind"]) =>
    Promise.all(children.map((child) => heard(child, kind)));
  const tell = async (order: FleetOrder): Promise<void> => {
    const done = all(order);
    for (const child of children) child.send(order);
    await done;
  };
  await all("started");
  return {
    reached: (count) => awaited.wait(count),
    settle: () => tell("settle"),
    pause: () => tell("pause"),
    resume: () => tell("resume"),
    async stop() {
      const ended = children.map((child) => once(child, "exit"));
      await tell("stop");
      await Promise.all(ended);
    },
  };
}

function heard(child: ChildProcess, kind: FleetMessage["kind"]): Promise<void> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error(`a process ended before it was ${kind}`));
    const onMessage = (message: FleetMessage) => {
      if (message.kind !== kind) return;
      child.off("message", onMessage).off("exit", onExit);
      resolve();
    };
    child.on("message", onMessage).on("exit", onExit);
  });
}

class AwaitedMark {
  readonly #serverCpu: ServerCpu | null;
  #mark = Promise.withResolvers<Mark>();
  ran = Number.POSITIVE_INFINITY;

  constructor(serverCpu: ServerCpu | null) {
    this.#serverCpu = serverCpu;
  }

  wait(ran: number): Promise<Mark> {
    this.ran = ran;
    this.#mark = Promise.withResolvers();
    return this.#mark.promise;
  }

  reached(ran: number, clientUs: number): void {
    this.ran = Number.POSITIVE_INFINITY;
    const serverUs = this.#serverCpu?.() ?? Number.NaN;
    this.#mark.resolve({ ran, atMs: performance.now(), clientUs, serverUs });
  }
}
