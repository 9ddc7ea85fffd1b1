/**
 * Says when it is worth looking for jobs: a notification of the queue, or the poll that covers
 * for notifications that never came. Passes on what comes on the control channel. Owns the
 * LISTEN connection and puts a new one in its place when it is lost; always calls `onWake` after
 * a reconnect, since anything may have happened.
 */

import pg from "pg";
import { pause } from "../../store/transient.ts";
import { DueTimer } from "./due-timer.ts";

export interface WakeOptions {
  readonly connectionString: string;
  readonly pollIntervalMs: number;
  readonly controlChannel: string;
  readonly onWake: () => void;
  /** What came on the control channel. */
  readonly onControl: (message: string) => void;
  /** It listens, for the first time or again: messages may have been missed until now. */
  readonly onListening: () => void;
  readonly onLost: (error: unknown) => void;
  readonly onBack: () => void;
}

// A half-open connection never reports its end; asking is the only way to notice.
const pingIntervalMs = 5_000;
const pingTimeoutMs = 5_000;
const connectTimeoutMs = 10_000;

export class Wake {
  readonly #options: WakeOptions;
  readonly #stopped = new AbortController();
  readonly #due: DueTimer;
  #poll: NodeJS.Timeout | undefined;
  #loop: Promise<void> | undefined;

  constructor(options: WakeOptions) {
    this.#options = options;
    this.#due = new DueTimer(options.onWake);
  }

  /** Jobs that others have put off will be due after so many milliseconds. */
  expect(inMs: number): void {
    if (!this.#stopped.signal.aborted) this.#due.add(inMs);
  }

  /** Resolves once the first connection listens or has failed; keeps trying from then on. */
  async start(): Promise<void> {
    this.#poll = setInterval(this.#options.onWake, this.#options.pollIntervalMs);
    const first = Promise.withResolvers<void>();
    this.#loop = this.#keepListening(first.resolve);
    await first.promise;
  }

  async stop(): Promise<void> {
    clearInterval(this.#poll);
    this.#stopped.abort();
    this.#due.stop();
    // A connection that is being made to a server that doesn't answer ends by its own timeout.
    if (this.#loop !== undefined) await withTimeout(this.#loop, 1500).catch(() => {});
  }

  async #keepListening(onFirst: () => void): Promise<void> {
    let failures = 0;
    while (!this.#stopped.signal.aborted) {
      const client = this.#createClient();
      try {
        await client.connect();
        const control = pg.escapeIdentifier(this.#options.controlChannel);
        await withTimeout(
          client.query(`listen "jobs:insert"; listen ${control}`),
          connectTimeoutMs,
        );
        if (failures > 0) this.#options.onBack();
        failures = 0;
        onFirst();
        this.#options.onWake();
        this.#options.onListening();
        await this.#untilLost(client);
      } catch (error) {
        if (!this.#stopped.signal.aborted) this.#options.onLost(error);
      } finally {
        onFirst();
        await endQuietly(client);
      }
      failures += 1;
      await pause(Math.min(2000, 50 * 2 ** failures), this.#stopped.signal);
    }
  }

  #createClient(): pg.Client {
    const client = new pg.Client({
      connectionString: this.#options.connectionString,
      application_name: "taskrun listen",
      keepAlive: true,
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: connectTimeoutMs,
    });
    client.on("error", () => {});
    client.on("notification", ({ channel, payload }) => {
      if (channel === this.#options.controlChannel) this.#options.onControl(payload ?? "");
      else this.#options.onWake();
    });
    return client;
  }

  /** Rejects when the connection is lost; resolves when we stop. */
  async #untilLost(client: pg.Client): Promise<void> {
    const { signal } = this.#stopped;
    const lost = new AbortController();
    let reason: unknown = new Error("the connection that listens for jobs was closed");
    client.on("error", (error) => {
      reason = error;
      lost.abort();
    });
    client.on("end", () => lost.abort());
    const either = AbortSignal.any([signal, lost.signal]);
    while (!either.aborted) {
      await pause(pingIntervalMs, either);
      if (!either.aborted) await withTimeout(ping(client), pingTimeoutMs);
    }
    if (!signal.aborted) throw reason;
  }
}

/** A server that can only be read has been replaced by another one: the name leads there now. */
async function ping(client: pg.Client): Promise<void> {
  const { rows } = await client.query("show transaction_read_only");
  if (rows[0].transaction_read_only === "on") throw new Error("the database is read-only now");
}

async function endQuietly(client: pg.Client): Promise<void> {
  // A connection that no longer answers would keep `end` waiting for ever.
  await withTimeout(client.end(), 1000).catch(() => {});
}

async function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`no answer from the database within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
