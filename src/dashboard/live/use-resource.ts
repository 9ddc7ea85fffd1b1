/**
 * Something of the API that a screen shows, asked again when the server says that it changed, or
 * by the clock when the server can't be heard. Old data stays while newer is on its way.
 */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/api-error.ts";
import { useApp } from "../app-context.ts";
import type { Change } from "./live-feed.ts";

export interface Resource<Data> {
  /** Null until the first answer. */
  readonly data: Data | null;
  /** Of the last try; null when it was answered. */
  readonly error: ApiError | null;
  readonly reload: () => void;
}

export interface ResourceOptions {
  /** Which changes make it out of date; must not change. Default: none. */
  readonly on?: (change: Change) => boolean;
  /** How often it is asked for without being told of changes. */
  readonly everyMs?: number;
  /** … and while the server tells. */
  readonly whileLiveMs?: number;
  /** Between two answers, however much changes. */
  readonly spacingMs?: number;
}

/** `key` says what is asked for: another one starts anew. */
export function useResource<Data>(
  key: string,
  load: () => Promise<Data>,
  options: ResourceOptions = {},
): Resource<Data> {
  const { everyMs = 4_000, whileLiveMs = 30_000, spacingMs = 1_500 } = options;
  const { feed } = useApp();
  const [state, setState] = useState<{ key: string; data: Data | null; error: ApiError | null }>(
    () => ({ key, data: null, error: null }),
  );
  const latest = useRef({ load, on: options.on });
  latest.current = { load, on: options.on };
  const ask = useRef<() => void>(() => {});

  useEffect(() => {
    const asker = new Asker<Data>({
      load: () => latest.current.load(),
      answered: (data) => setState({ key, data, error: null }),
      failed: (error) =>
        setState((old) => ({ key, data: old.key === key ? old.data : null, error })),
      spacingMs,
      intervalMs: () => (feed.isConnected ? whileLiveMs : everyMs),
    });
    ask.current = () => asker.now();
    const unlisten = feed.listen((change) => {
      if (change.kind === "connection" || latest.current.on?.(change)) asker.soon();
    });
    const seen = (): void => asker.seen();
    document.addEventListener("visibilitychange", seen);
    asker.now();
    return () => {
      document.removeEventListener("visibilitychange", seen);
      unlisten();
      asker.stop();
    };
  }, [key, feed, everyMs, whileLiveMs, spacingMs]);

  const reload = useCallback(() => ask.current(), []);
  const current = state.key === key ? state : { data: null, error: null };
  return { data: current.data, error: current.error, reload };
}

interface AskerOptions<Data> {
  readonly load: () => Promise<Data>;
  readonly answered: (data: Data) => void;
  readonly failed: (error: ApiError) => void;
  readonly spacingMs: number;
  readonly intervalMs: () => number;
}

/** One question at a time, none while nobody looks. */
class Asker<Data> {
  readonly #options: AskerOptions<Data>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isAsking = false;
  #isAskedAgain = false;
  #isStopped = false;
  #lastAtMs = 0;
  #isDue = false;

  constructor(options: AskerOptions<Data>) {
    this.#options = options;
  }

  now(): void {
    clearTimeout(this.#timer);
    if (this.#isAsking) this.#isAskedAgain = true;
    else void this.#ask();
  }

  soon(): void {
    const waitMs = Math.max(this.#lastAtMs + this.#options.spacingMs - Date.now(), 50);
    if (this.#isAsking) this.#isAskedAgain = true;
    else if (!this.#isDue) this.#in(waitMs, true);
  }

  seen(): void {
    if (document.visibilityState === "visible") this.now();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #in(ms: number, isDue: boolean): void {
    clearTimeout(this.#timer);
    this.#isDue = isDue;
    this.#timer = setTimeout(() => {
      if (document.visibilityState === "visible") void this.#ask();
    }, ms);
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    this.#isDue = false;
    const { load, answered, failed, intervalMs } = this.#options;
    const result = await load().then(
      (data) => () => answered(data),
      (error: unknown) => () => failed(apiError(error)),
    );
    this.#isAsking = false;
    this.#lastAtMs = Date.now();
    if (this.#isStopped) return;
    result();
    const again = this.#isAskedAgain;
    this.#isAskedAgain = false;
    if (again) this.soon();
    else this.#in(intervalMs(), false);
  }
}

function apiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(String(error), { status: 0, code: "page-failed" });
}
