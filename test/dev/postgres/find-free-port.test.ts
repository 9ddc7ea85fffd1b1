import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { findFreePort, isPortFree } from "../../../src/dev/postgres/find-free-port.ts";

test("the preferred port is kept while it is free", async () => {
  const port = await findFreePort(null);
  expect(port).toBeGreaterThanOrEqual(20_000);
  expect(port).toBeLessThan(32_768);
  expect(await findFreePort(port)).toBe(port);
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  expect(await isPortFree(port)).toBe(false);
  expect(await findFreePort(port)).not.toBe(port);
  server.close();
  await once(server, "close");
  expect(await isPortFree(port)).toBe(true);
});
