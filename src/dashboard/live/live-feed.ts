/**
 * What the server says has changed, while it says it. Owns the connection: when there is none,
 * whoever shows something asks again by itself until there is one. A page that nobody looks at
 * has none: a browser opens only a few to one server, for all pages together.
 */

import type { ProgressRecord } from "../api/records.ts";

export type Change =
  | {
      readonly kind: "job";
      readonly id: string;
      readonly taskType: string;
      readonly status: string;
    }
  | { readonly kind: "progress"; readonly id: string; readonly progress: ProgressRecord }
  /** More has changed than is told. */
  | { readonly kind: "missed" }
  | { readonly kind: "catalog" }
  | { readonly kind: "gates" }
  /** The connection came or went. */
  | { readonly kind: "connection" };

const tryAgainMs = 15_000;
const hiddenMs = 5_000;

export class LiveFeed {
  readonly #address: string;
  readonly #listeners = new Set<(change: Change) => void>();
  #source: EventSource | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isConnected = false;
  #hidden: ReturnType<typeof setTimeout> | undefined;

  constructor(address: string) {
    this.#address = address;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  start(): void {
    document.addEventListener("visibilitychange", this.#seen);
    this.#open();
  }

  #seen = (): void => {
    clearTimeout(this.#hidden);
    if (document.visibilityState === "visible") {
      if (this.#source === null) this.#open();
    } else this.#hidden = setTimeout(() => this.#close(), hiddenMs);
  };

  #open(): void {
    this.#close();
    const source = new EventSource(this.#address);
    this.#source = source;
    source.onopen = () => this.#connected(true);
    source.onerror = () => {
      this.#connected(false);
      // Refused, not lost: the browser doesn't try again by itself.
      if (source.readyState !== EventSource.CLOSED) return;
      this.#retry = setTimeout(() => this.#open(), tryAgainMs);
    };
    for (const kind of ["job", "progress", "missed", "catalog", "gates"]) {
      source.addEventListener(kind, ({ data }) => this.#heard(kind, data));
    }
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#seen);
    clearTimeout(this.#hidden);
    this.#close();
  }

  #close(): void {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
    this.#connected(false);
  }

  /** Returns what ends it. */
  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #connected(is: boolean): void {
    if (this.#isConnected === is) return;
    this.#isConnected = is;
    this.#tell({ kind: "connection" });
  }

  #heard(kind: string, data: unknown): void {
    this.#connected(true);
    const change = changeFrom(kind, parsed(data));
    if (change !== null) this.#tell(change);
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function parsed(data: unknown): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(String(data));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function changeFrom(kind: string, said: Readonly<Record<string, unknown>>): Change | null {
  const id = String(said.id ?? "");
  if (kind === "job") {
    return { kind, id, taskType: String(said.task_type ?? ""), status: String(said.status ?? "") };
  }
  if (kind === "progress") {
    const { done, total, message } = said;
    return {
      kind,
      id,
      progress: {
        done: Number(done ?? 0),
        total: typeof total === "number" ? total : null,
        message: typeof message === "string" ? message : null,
      },
    };
  }
  return kind === "missed" || kind === "catalog" || kind === "gates" ? { kind } : null;
}
