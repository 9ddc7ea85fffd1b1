/** A way to a Postgres that a test can cut and mend, silence, and make lose a reply. */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** The end of a reply: the server is ready for the next statement. */
const ready = Buffer.from([0x5a, 0, 0, 0, 5]);

interface Way {
  readonly near: Socket;
  readonly far: Socket;
  silent: boolean;
  /** The statement whose reply is to be lost has gone through. */
  losing: boolean;
}

export class SeveredProxy implements AsyncDisposable {
  readonly #ways = new Set<Way>();
  readonly #server = createServer((near) => this.#open(near));
  readonly #host: string;
  readonly #port: number;
  readonly #ownHost: string;
  #ownPort: number;
  #silentToo = false;
  #loss: { readonly text: string; readonly lost: () => void } | null = null;

  private constructor(target: URL, host: string, port: number) {
    this.#host = target.hostname;
    this.#port = Number(target.port || 5432);
    this.#ownHost = host;
    this.#ownPort = port;
  }

  /** Listens; `url` leads through it from then on. Default: any port of 127.0.0.1. */
  static async to(
    databaseUrl: string,
    { host = "127.0.0.1", port = 0 } = {},
  ): Promise<{ proxy: SeveredProxy; url: string }> {
    const url = new URL(databaseUrl);
    const proxy = new SeveredProxy(url, host, port);
    await proxy.mend();
    url.hostname = host;
    url.port = String(proxy.#ownPort);
    return { proxy, url: url.href };
  }

  /** How many connections go through it. */
  get connections(): number {
    return this.#ways.size;
  }

  /** Ends every connection and refuses new ones. */
  async cut(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.drop();
    await closed;
  }

  /** Ends every connection; new ones are let through. */
  drop(): void {
    for (const { near, far } of this.#ways) {
      near.destroy();
      far.destroy();
    }
  }

  async mend(): Promise<void> {
    this.#server.listen(this.#ownPort, this.#ownHost);
    await once(this.#server, "listening");
    this.#ownPort = (this.#server.address() as AddressInfo).port; // why: it listens on TCP
  }

  /** Lets nothing through on the connections there are, and closes none; new ones work. */
  silence(): void {
    for (const way of this.#ways) way.silent = true;
  }

  /** Lets nothing through on any connection from now on, new ones too, and closes none. */
  silenceAll(): void {
    this.#silentToo = true;
    this.silence();
  }

  /**
   * Lets the next statement that contains the text through to the server, loses its reply and
   * ends the connection. Resolves when that has happened.
   */
  loseReply(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#loss = { text, lost: resolve };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.cut();
  }

  #open(near: Socket): void {
    const far = connect(this.#port, this.#host);
    const way: Way = { near, far, silent: this.#silentToo, losing: false };
    this.#ways.add(way);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#ways.delete(way);
        to.destroy();
      });
    }
    near.on("data", (chunk) => {
      if (way.silent) return;
      if (this.#loss !== null && chunk.includes(this.#loss.text)) way.losing = true;
      far.write(chunk);
    });
    far.on("data", (chunk) => {
      if (way.losing) this.#lose(way, chunk);
      else if (!way.silent) near.write(chunk);
    });
  }

  #lose({ near }: Way, reply: Buffer): void {
    if (!reply.includes(ready)) return;
    near.destroy();
    this.#loss?.lost();
    this.#loss = null;
  }
}
