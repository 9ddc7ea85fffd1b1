/**
 * Which load failures a person should hear of, and when: once per distinct fault, with all the
 * tasks it concerns, when it has lasted for 50 ms. A file that is read while it is being
 * written has a fault that nobody made.
 */

import type { LoadFailure } from "../core/catalog.ts";

/** One place that is wrong, whichever tasks use it. */
export interface Fault {
  readonly failure: LoadFailure;
  /** Names of the tasks that can't be loaded because of it, sorted. */
  readonly tasks: readonly string[];
}

const lastsMs = 50;

export class FaultWatch {
  readonly #tell: (found: readonly Fault[], mended: readonly Fault[]) => void;
  #told = new Map<string, Fault>();
  #current = new Map<string, Fault>();
  /** When each current fault was first seen. */
  #since = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (found: readonly Fault[], mended: readonly Fault[]) => void) {
    this.#tell = tell;
  }

  /** With the faults that a person has been told of already. */
  start(failures: readonly LoadFailure[]): void {
    this.#current = groupFaults(failures);
    this.#told = new Map(this.#current);
  }

  /** All faults there are at this moment. */
  update(failures: readonly LoadFailure[]): void {
    this.#current = groupFaults(failures);
    const nowMs = performance.now();
    const since = [...this.#current.keys()].map(
      (key) => [key, this.#since.get(key) ?? nowMs] as const,
    );
    this.#since = new Map(since);
    this.#arm();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #arm(): void {
    if (this.#news().length === 0 && this.#gone().length === 0) return;
    this.#timer ??= setTimeout(() => this.#look(), lastsMs);
  }

  #look(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    const lasting = this.#news().filter(
      ([key]) => nowMs - (this.#since.get(key) ?? nowMs) >= lastsMs - 1,
    );
    const gone = this.#gone();
    for (const [key, fault] of lasting) this.#told.set(key, fault);
    for (const [key] of gone) this.#told.delete(key);
    // A fault that another one in the same file took the place of is not mended.
    const broken = new Set([...this.#current.values()].map(({ failure }) => failure.file));
    const mended = gone.filter(([, { failure }]) => !broken.has(failure.file));
    if (lasting.length + mended.length > 0) this.#tell(faultsOf(lasting), faultsOf(mended));
    this.#arm();
  }

  #news(): [string, Fault][] {
    return [...this.#current].filter(([key]) => !this.#told.has(key));
  }

  #gone(): [string, Fault][] {
    return [...this.#told].filter(([key]) => !this.#current.has(key));
  }
}

function faultsOf(entries: readonly [string, Fault][]): Fault[] {
  return entries.map(([, fault]) => fault);
}

function groupFaults(failures: readonly LoadFailure[]): Map<string, Fault> {
  const groups = new Map<string, LoadFailure[]>();
  for (const failure of failures) {
    const { file, line, column, reason } = failure;
    const key = JSON.stringify([file, line, column, reason]);
    groups.set(key, [...(groups.get(key) ?? []), failure]);
  }
  const faults = [...groups].flatMap(([key, [failure, ...others]]) => {
    if (failure === undefined) return [];
    const names = [failure, ...others].flatMap(({ task }) => (task === null ? [] : [task]));
    return [[key, { failure, tasks: [...new Set(names)].sort() }] as const];
  });
  return new Map(faults);
}
