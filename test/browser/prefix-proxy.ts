/** A reverse proxy in front of the HTTP API that puts it beneath a path prefix. */

import { once } from "node:events";
import { request as ask, createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface PrefixProxy extends AsyncDisposable {
  /** With the prefix and a slash at its end. */
  readonly url: string;
}

export async function prefixProxy(target: string, prefix: string): Promise<PrefixProxy> {
  const server = createServer((request, response) => {
    const { url = "", method, headers } = request;
    if (!url.startsWith(`${prefix}/`)) {
      response.writeHead(404).end();
      return;
    }
    const passed = ask(
      `${target}${url.slice(prefix.length)}`,
      { method: method ?? "GET", headers: { ...headers, "x-forwarded-prefix": prefix } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    passed.on("error", () => response.destroy());
    response.on("close", () => passed.destroy());
    request.pipe(passed);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // why: it listens on a port
  return {
    url: `http://127.0.0.1:${port}${prefix}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
