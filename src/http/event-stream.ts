/**
 * Server-sent events of one client: what waits to be read is bounded, and who reads too slowly is
 * dropped. What is sent is the hub's business.
 */

import { Readable } from "node:stream";

export interface ServerSentEvent {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
}

export function eventText({ id, name, data }: ServerSentEvent): string {
  return `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** More than that unread, and the client is too slow. */
const mostBufferedBytes = 1_048_576;

export class EventStream {
  /** What the client reads. */
  readonly body = new Readable({ read: () => {} });
  #isOver = false;

  /** `onEnd` is called once, however it ends. */
  constructor(onEnd: () => void) {
    this.body.once("close", () => {
      this.#isOver = true;
      onEnd();
    });
    // The client went away in the middle.
    this.body.on("error", () => {});
    // So that the client knows at once that it is connected, and when to come again.
    this.#write("retry: 2000\n\n");
  }

  send(event: ServerSentEvent): void {
    this.sendText(eventText(event));
  }

  /** Events as `eventText` writes them. */
  sendText(text: string): void {
    this.#write(text);
  }

  /** For proxies that close what is silent. */
  comment(): void {
    this.#write(": still here\n\n");
  }

  /** What has been sent is still delivered. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.body.push(null);
  }

  #write(text: string): void {
    if (this.#isOver) return;
    this.body.push(text);
    if (this.body.readableLength > mostBufferedBytes) this.body.destroy();
  }
}
