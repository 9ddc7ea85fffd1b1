/** The kit as somebody's own tests use it: without a server given, it brings one. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { expect, inject, test } from "vitest";
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

test("tasks that are wrong leave no database behind", async () => {
  const server = inject("adminDatabaseUrl");
  const owner = inject("ownerDatabaseUrl");
  // Whoever else makes databases on this server has not made theirs for this role.
  const role = `wrong_tasks_${process.pid}`;
  const admin = new Client({ connectionString: server });
  await admin.connect();
  await admin.query(`create role ${role} createdb login password 'x'`);
  const mine = new URL(owner);
  mine.username = role;
  mine.password = "x";
  const wrong = { wrong: { handler: 5 } };
  const making = createTestRuntime({ tasks: wrong, server, owner: mine.href });
  await expect(making).rejects.toThrow("handler");
  const { rowCount } = await admin.query(
    "select from pg_database d join pg_roles r on r.oid = d.datdba where r.rolname = $1",
    [role],
  );
  expect(rowCount).toBe(0);
  await admin.query(`drop role ${role}`);
  await admin.end();
});
