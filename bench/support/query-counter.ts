/**
 * A way to the database that counts what is asked of it: passes all bytes on, and reads from those
 * of the client each statement that is to be executed, by the messages of the protocol: Query, and
 * Parse for the text and Execute for the number. Takes no TLS.
 */

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export interface QueryCounter {
  readonly connectionString: string;
  /** Statements so far, by their text. */
  readonly counts: Map<string, number>;
  close(): Promise<void>;
}

export async function countQueries(url: string): Promise<QueryCounter> {
  const target = new URL(url);
  const counts = new Map<string, number>();
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = connect({ host: target.hostname, port: Number(target.port || 5432) });
    for (const socket of [near, far]) {
      sockets.add(socket.setNoDelay(true));
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    }
    const read = messageReader((statement) =>
      counts.set(statement, (counts.get(statement) ?? 0) + 1),
    );
    near.on("data", read);
    near.pipe(far);
    far.pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const through = new URL(url);
  if (typeof address === "object") through.host = `127.0.0.1:${address?.port}`;
  return {
    connectionString: through.href,
    counts,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** The first message, of the start-up, has a length and no kind; all others have both. */
function messageReader(onStatement: (text: string) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let hasStarted = false;
  let parsed = "";
  const prepared = new Map<string, string>();
  const take = (kind: string, body: Buffer): void => {
    const [name = "", text = ""] = body.toString("utf8").split("\0");
    if (kind === "Q") onStatement(name);
    if (kind === "P") {
      parsed = text;
      if (name !== "") prepared.set(name, text);
    }
    // Of a Bind, the second text names the statement.
    if (kind === "B" && text !== "") parsed = prepared.get(text) ?? text;
    if (kind === "E") onStatement(parsed);
  };
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (;;) {
      const head = hasStarted ? 1 : 0;
      if (rest.length < head + 4) return;
      const end = head + rest.readInt32BE(head);
      if (rest.length < end) return;
      if (hasStarted) take(String.fromCharCode(rest[0] ?? 0), rest.subarray(5, end));
      hasStarted = true;
      rest = rest.subarray(end);
    }
  };
}
