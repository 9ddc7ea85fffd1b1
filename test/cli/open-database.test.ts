import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CliError } from "../../src/cli/cli-error.ts";
import { openDatabase } from "../../src/cli/open-database.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { createTestDatabase } from "../support/test-database.ts";

let database: ScratchDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await database.drop();
});

async function refusal(connection: string, waitMs = 5000): Promise<CliError> {
  const config = { connection, dataDir: "/nonexistent" };
  const error = await openDatabase(config, { waitMs }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof CliError) return error;
  throw new Error(`expected a CliError, got ${error}`);
}

function changed(change: (url: URL) => void): string {
  const url = new URL(database.url);
  change(url);
  return url.href;
}

test("a database that answers is opened, and shown without its password", async () => {
  const config = { connection: database.url, dataDir: "/nonexistent" };
  const opened = await openDatabase(config);
  const { password } = new URL(database.url);
  expect(opened.connectionString).toBe(database.url);
  expect(opened.shown).toContain(database.name);
  expect(password === "" || !opened.shown.includes(password)).toBe(true);
  await opened.close();
});

describe("is refused at once with a clear sentence", () => {
  test("a database that isn't there", async () => {
    const error = await refusal(changed((url) => (url.pathname = "/no_such_database")));
    expect(error.message).toContain("there is no such database");
    expect(error.exitCode).toBe(69);
  });

  test.skipIf(process.env.DATABASE_URL !== undefined)("a wrong password", async () => {
    const error = await refusal(changed((url) => (url.password = "wr0ng")));
    expect(error.message).toContain("the password is wrong");
    expect(error.message).not.toContain("wr0ng");
    expect(error.hint).toContain("DATABASE_URL");
  });
});

describe("a server that isn't there", () => {
  test("is waited for, then refused with what to do", async () => {
    const port = await freePort();
    const started = performance.now();
    const error = await refusal(`postgres://u:s3cret@127.0.0.1:${port}/x`, 1200);
    expect(performance.now() - started).toBeGreaterThan(400);
    expect(error.message).toBe(`postgres://u@127.0.0.1:${port}/x: nothing listens there`);
    expect(error.hint).toContain("Start the server");
  });

  test("is not waited for once the command was told to stop", async () => {
    const config = { connection: `postgres://127.0.0.1:${await freePort()}/x`, dataDir: "/" };
    const stop = AbortSignal.timeout(300);
    await expect(openDatabase(config, { waitMs: 60_000, signal: stop })).rejects.toThrow(CliError);
  });

  test("is used as soon as it is up", async () => {
    const port = await freePort();
    const target = new URL(database.url);
    const opening = openDatabase(
      {
        connection: changed((url) => {
          url.hostname = "127.0.0.1";
          url.port = String(port);
        }),
        dataDir: "/nonexistent",
      },
      { waitMs: 30_000 },
    );
    const { connect } = await import("node:net");
    const proxy = createServer((client) => {
      const server = connect(Number(target.port || 5432), target.hostname);
      client.pipe(server).pipe(client);
      for (const socket of [client, server]) socket.on("error", () => {});
    });
    proxy.listen(port, "127.0.0.1");
    const opened = await opening;
    expect(opened.connectionString).toContain(String(port));
    await opened.close();
    proxy.close();
  });
});

/** A port where nothing listens at this moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // why: a TCP server has no other address
  server.close();
  await once(server, "close");
  return port;
}
