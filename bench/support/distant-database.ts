/**
 * A database that is some milliseconds away: passes bytes on, each way after half of the round
 * trip. A process of its own, so that its work isn't counted as a side's.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export interface DistantDatabase {
  readonly connectionString: string;
  close(): Promise<void>;
}

/** `roundTripMs` 0 is the database itself. */
export async function moveAway(url: string, roundTripMs: number): Promise<DistantDatabase> {
  if (roundTripMs === 0) return { connectionString: url, close: async () => {} };
  const near = new URL(url);
  const proxy = fork(import.meta.filename, [
    near.hostname,
    near.port || "5432",
    String(roundTripMs / 2),
  ]);
  const [port] = await once(proxy, "message");
  const far = new URL(url);
  far.host = `127.0.0.1:${port}`;
  return {
    connectionString: far.href,
    async close() {
      proxy.disconnect();
      await once(proxy, "exit");
    },
  };
}

function serve(host: string, port: number, oneWayMs: number): void {
  const server = createServer((near) => {
    const far = connect({ host, port, noDelay: true });
    near.setNoDelay(true);
    passOn(near, far, oneWayMs);
    passOn(far, near, oneWayMs);
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (typeof address === "object") process.send?.(address?.port);
  });
  process.on("disconnect", () => process.exit(0));
}

function passOn(from: Socket, to: Socket, oneWayMs: number): void {
  const after = async (act: () => void): Promise<void> => {
    await pause(oneWayMs);
    if (!to.destroyed) act();
  };
  from.on("data", (bytes) => after(() => to.write(bytes)));
  from.on("close", () => after(() => to.destroy()));
  from.on("error", () => {});
}

const [host, port, oneWayMs] = process.argv.slice(2);
if (process.send && host && port && oneWayMs) serve(host, Number(port), Number(oneWayMs));
