import { afterAll, beforeAll, expect, test } from "vitest";
import { checkUsable } from "../../src/cli/check-usable.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { SeveredProxy } from "../support/severed-proxy.ts";
import { createTestDatabase } from "../support/test-database.ts";

let database: ScratchDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await database.drop();
});

test("a database that may only be read is refused for work, and for nothing else", async () => {
  const url = new URL(database.url);
  url.searchParams.set("options", "-c default_transaction_read_only=on");
  const checked = { connectionString: url.href, shown: "the database" };
  await expect(checkUsable(checked, true)).rejects.toMatchObject({
    exitCode: 69,
    message: expect.stringContaining("read-only"),
  });
  await checkUsable(checked, false);
});

test("a server that takes connections and says nothing is not waited for by one try", async () => {
  const { proxy, url } = await SeveredProxy.to(database.url);
  await using _proxy = proxy;
  proxy.silenceAll();
  const checked = { connectionString: url, shown: "the database" };
  const askedAtMs = performance.now();
  await expect(checkUsable(checked, true)).rejects.toThrow("timeout expired");
  expect(performance.now() - askedAtMs).toBeLessThan(30_000);
});
