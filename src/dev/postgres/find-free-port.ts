/** Finds a port for the server. Owns the range; reserves nothing. */

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below the ports that systems give to outgoing connections: a client that retries such a port
 * while the server restarts can end up connected to itself and keep the server out.
 */
const firstPort = 20_000;
const lastPort = 32_767;

/** `preferred` when it is free, else another one that is. */
export async function findFreePort(preferred: number | null): Promise<number> {
  if (preferred !== null && (await isPortFree(preferred))) return preferred;
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(firstPort, lastPort + 1);
    if (await isPortFree(port)) return port;
  }
  throw new Error(`No free port between ${firstPort} and ${lastPort} on 127.0.0.1 was found.`);
}

export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host: "127.0.0.1", exclusive: true });
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    if (server.listening) {
      server.close();
      await once(server, "close");
    }
  }
}
