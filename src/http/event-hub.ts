/**
 * Who watches by server-sent events, and what they are told: one reader of the database for all of
 * them, and none while nobody watches. Bounds how many may watch.
 */

import type pg from "pg";
import type { Logger } from "../core/logger.ts";
import { type Change, ChangeFeed } from "../store/change-feed.ts";
import type { Schemas } from "../store/schemas.ts";
import { EventStream, eventText, type ServerSentEvent } from "./event-stream.ts";
import { HttpError } from "./http-error.ts";

export interface EventHubOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly logger: Logger;
  /** Between two looks. Default 500 ms. */
  readonly intervalMs?: number;
  /** Between two comments to a silent client. Default 15 s. */
  readonly heartbeatMs?: number;
}

export interface Watcher {
  /** Bounds are by it: the token's name, else the address. */
  readonly who: string;
  /** Only these; null = all. */
  readonly id: string | null;
  readonly taskType: string | null;
  /** What the client saw last, when it comes again; null at first. */
  readonly lastEventId: string | null;
  /** Asked now and then: whether the client may still watch. */
  readonly isAllowed: () => Promise<boolean>;
}

const mostWatchers = 100;
const mostEach = 10;
const mostKept = 1_000;
const beatsBetweenChecks = 4;

interface Watching {
  readonly watcher: Watcher;
  readonly stream: EventStream;
}

export class EventHub {
  readonly #options: EventHubOptions;
  readonly #watching = new Set<Watching>();
  /** Sent of late, for clients that come again. */
  #kept: { readonly event: ServerSentEvent; readonly change: Change }[] = [];
  /** Another one each time that watching began: what happened before is not known. */
  #epoch = 0;
  #count = 0;
  #feed: ChangeFeed | null = null;
  #timer: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #beats = 0;
  #stopped = false;

  constructor(options: EventHubOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#watching.size;
  }

  /** @throws HttpError 429 or 503 when too many watch already */
  watch(watcher: Watcher): EventStream {
    this.#refuseTooMany(watcher.who);
    const stream = new EventStream(() => {
      this.#watching.delete(watching);
      if (this.#watching.size === 0) this.#rest();
    });
    const watching = { watcher, stream };
    this.#watching.add(watching);
    if (this.#feed === null) this.#begin();
    this.#repeat(watching);
    return stream;
  }

  /** Ends every stream. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { stream } of this.#watching) stream.end();
    this.#rest();
    await this.#looking;
  }

  #refuseTooMany(who: string): void {
    const later = { headers: { "retry-after": "30" } };
    if (this.#stopped || this.#watching.size >= mostWatchers) {
      const what = `${mostWatchers} clients watch already.`;
      throw new HttpError(503, "too-many-watchers", what, later);
    }
    const same = [...this.#watching].filter(({ watcher }) => watcher.who === who).length;
    if (same < mostEach) return;
    const what = `${mostEach} clients with the same token watch already.`;
    throw new HttpError(429, "too-many-watchers", what, later);
  }

  #begin(): void {
    const { db, schemas, heartbeatMs = 15_000 } = this.#options;
    const feed = new ChangeFeed(db, schemas);
    this.#feed = feed;
    this.#epoch = Date.now();
    this.#kept = [];
    // One may be there from a begin that failed.
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs);
    this.#looking = feed.start().catch((error: unknown) => {
      this.#options.logger.debug({ err: error }, "can't look for changes");
      // Begun anew at the next look.
      if (this.#feed === feed) this.#feed = null;
    });
    void this.#looking.then(() => this.#schedule());
  }

  #rest(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#heartbeat);
    this.#feed = null;
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#watching.size === 0 || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => this.#schedule());
    }, this.#options.intervalMs ?? 500);
  }

  async #look(): Promise<void> {
    try {
      if (this.#feed === null) {
        this.#begin();
        await this.#looking;
        return;
      }
      this.#tell(await this.#feed.changes());
    } catch (error) {
      this.#options.logger.debug({ err: error }, "can't look for changes");
    }
  }

  /** Each client all of it at once: a write for each change would cost more than all else. */
  #tell(changes: readonly Change[]): void {
    const told = changes.map((change) => {
      this.#count += 1;
      const event = eventOf(change, `${this.#epoch}-${this.#count}`);
      this.#kept.push({ event, change });
      return { change, text: eventText(event) };
    });
    this.#kept.splice(0, Math.max(0, this.#kept.length - mostKept));
    const all = told.map(({ text }) => text).join("");
    for (const { watcher, stream } of this.#watching) {
      const isOfAll = watcher.id === null && watcher.taskType === null;
      const meant = told.filter(({ change }) => isOfAll || isMeant(change, watcher));
      if (meant.length > 0) stream.sendText(isOfAll ? all : meant.map(({ text }) => text).join(""));
    }
  }

  /** What the client has missed, or the word that it can't be told. */
  #repeat({ watcher, stream }: Watching): void {
    const { lastEventId } = watcher;
    if (lastEventId === null) return;
    const from = this.#kept.findIndex(({ event }) => event.id === lastEventId);
    const isNewest = lastEventId === `${this.#epoch}-${this.#count}`;
    if (from === -1 && !isNewest) {
      stream.send({ id: `${this.#epoch}-${this.#count}`, name: "missed", data: {} });
    }
    const missed = from === -1 ? [] : this.#kept.slice(from + 1);
    for (const { event, change } of missed) if (isMeant(change, watcher)) stream.send(event);
  }

  #beat(): void {
    this.#beats += 1;
    for (const { watcher, stream } of this.#watching) {
      stream.comment();
      if (this.#beats % beatsBetweenChecks !== 0) continue;
      watcher.isAllowed().then(
        (allowed) => allowed || stream.end(),
        () => {},
      );
    }
  }
}

function isMeant(change: Change, { id, taskType }: Watcher): boolean {
  if (change.kind !== "job" && change.kind !== "progress") return true;
  return (id === null || change.id === id) && (taskType === null || change.task === taskType);
}

function eventOf(change: Change, id: string): ServerSentEvent {
  const name = change.kind;
  if (name !== "job" && name !== "progress") return { id, name, data: {} };
  if (name === "job") {
    const { task: task_type, state: status, at } = change;
    return { id, name, data: { id: change.id, task_type, status, at } };
  }
  const { task: task_type, done, total, message } = change;
  return { id, name, data: { id: change.id, task_type, done, total, message } };
}
