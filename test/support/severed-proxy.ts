/** A way to a Postgres that a test can cut and mend. */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export class SeveredProxy implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((near) => {
    const far = connect(this.#port, this.#host);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  readonly #host: string;
  readonly #port: number;
  #ownPort = 0;

  private constructor(target: URL) {
    this.#host = target.hostname;
    this.#port = Number(target.port || 5432);
  }

  /** Listens; `url` leads through it from then on. */
  static async to(databaseUrl: string): Promise<{ proxy: SeveredProxy; url: string }> {
    const url = new URL(databaseUrl);
    const proxy = new SeveredProxy(url);
    await proxy.mend();
    url.hostname = "127.0.0.1";
    url.port = String(proxy.#ownPort);
    return { proxy, url: url.href };
  }

  /** Ends every connection and refuses new ones. */
  async cut(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async mend(): Promise<void> {
    this.#server.listen(this.#ownPort, "127.0.0.1");
    await once(this.#server, "listening");
    this.#ownPort = (this.#server.address() as AddressInfo).port; // why: it listens on TCP
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.cut();
  }
}
