/** The kit as somebody's own tests use it: without a server given, it brings one. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { throwawayFolder } from "../../src/dev/throwaway-folder.ts";
import { createTestRuntime } from "../../src/testing/create-test-runtime.ts";

const tasks = { double: async (n: number) => 2 * n };

test.skipIf(process.env.DATABASE_URL !== undefined)(
  "runtimes share a server of this user's and have a database each",
  async () => {
    await using one = await createTestRuntime({ tasks });
    await using other = await createTestRuntime({ tasks });
    const [url, otherUrl] = [new URL(one.connectionString), new URL(other.connectionString)];
    expect(otherUrl.host).toBe(url.host);
    expect(otherUrl.pathname).not.toBe(url.pathname);

    const { id } = await one.enqueue("double", 21);
    expect(await other.drain()).toMatchObject({ completed: 0 });
    expect(await one.drain()).toMatchObject({ completed: 1 });
    expect(await one.job(id)).toMatchObject({ state: "completed", output: 42 });

    const folder = join(await throwawayFolder(), `taskrun-tests-${process.getuid?.()}`);
    expect(existsSync(join(folder, "postgres"))).toBe(true);
  },
);
