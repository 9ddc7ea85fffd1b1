/**
 * Says when it is worth looking for jobs: a notification of the queue, or jobs that are known to
 * be due by now. Passes on what comes on the control channel. Owns the LISTEN connection and puts
 * a new one in its place when it is lost; always calls `onWake` after a reconnect, since anything
 * may have happened. Notifications that never came are the regular look's concern.
 */

import pg from "pg";
import { listenerSettings } from "../../store/pools.ts";
import { pause } from "../../store/transient.ts";
import { DueTimer } from "./due-timer.ts";

export interface WakeOptions {
  readonly connectionString: string;
  readonly controlChannel: string;
  readonly onWake: () => void;
  /** What came on the control channel. */
  readonly onControl: (message: string) => void;
  /** It listens, for the first time or again: messages may have been missed until now. */
  readonly onListening: () => void;
  readonly onLost: (error: unknown) => void;
  readonly onBack: () => void;
}

/** The connection, while it listens. */
interface Session {
  readonly client: pg.Client;
  answeredMs: number;
  lose(error: unknown): void;
}

// A half-open connection never reports its end; asking is the only way to notice. What is asked
// on it anyway is as good as a question for its own sake.
const pingIntervalMs = 5_000;
const pingTimeoutMs = 5_000;
const connectTimeoutMs = 10_000;

export class Wake {
  readonly #options: WakeOptions;
  readonly #stopped = new AbortController();
  readonly #due: DueTimer;
  #session: Session | null = null;
  #loop: Promise<void> | undefined;

  constructor(options: WakeOptions) {
    this.#options = options;
    this.#due = new DueTimer(options.onWake);
  }

  /** Jobs that others have put off will be due after so many milliseconds. */
  expect(inMs: number): void {
    if (!this.#stopped.signal.aborted) this.#due.add(inMs);
  }

  /**
   * Puts a question on the connection that listens: one that isn't answered shows that it has been
   * lost. Null while there is none.
   */
  ask<T>(question: (client: pg.Client) => Promise<T>): Promise<T> | null {
    return this.#session === null ? null : askOn(this.#session, question);
  }

  /** Resolves once the first connection listens or has failed; keeps trying from then on. */
  async start(): Promise<void> {
    const first = Promise.withResolvers<void>();
    this.#loop = this.#keepListening(first.resolve);
    await first.promise;
  }

  async stop(): Promise<void> {
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
      options: listenerSettings,
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
    const lose = (error: unknown) => {
      if (!lost.signal.aborted) reason = error;
      lost.abort();
    };
    client.on("error", lose);
    client.on("end", () => lost.abort());
    const session: Session = { client, lose, answeredMs: performance.now() };
    this.#session = session;
    const either = AbortSignal.any([signal, lost.signal]);
    for (;;) {
      await pause(session.answeredMs + pingIntervalMs - performance.now(), either);
      if (either.aborted) break;
      const isQuiet = performance.now() >= session.answeredMs + pingIntervalMs;
      // What it comes to is known by `lose`.
      if (isQuiet) await askOn(session, ping).catch(() => {});
    }
    this.#session = null;
    if (!signal.aborted) throw reason;
  }
}

async function askOn<T>(session: Session, question: (client: pg.Client) => Promise<T>): Promise<T> {
  try {
    const answer = await withTimeout(question(session.client), pingTimeoutMs);
    session.answeredMs = performance.now();
    return answer;
  } catch (error) {
    if (isAnswer(error)) session.answeredMs = performance.now();
    else session.lose(error);
    throw error;
  }
}

/**
 * A statement that was refused or cancelled was answered. A server that is going down, or has
 * become one that can only be read, is as good as gone.
 */
function isAnswer(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^[0-9A-Z]{5}$/.test(code) && !/^(08...|57P..|25006|EPIPE)$/.test(code);
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
