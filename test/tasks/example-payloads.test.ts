/** Every task has a payload on the page about the example tasks, and takes it at every door. */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createTestRuntime, type TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { signal } from "../support/test-runtime.ts";

const fromHere = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const page = await readFile(fromHere("../../docs/example-tasks.md"), "utf8");
const shown = [
  ...page.matchAll(/^\| `([\w/]+)`(?: \(alias `([\w:]+)`\))? \|.*\| `(\{.*\})` \|$/gm),
].map(([, name = "", alias, payload = ""]) => ({ name, alias, payload }));

let kit: TestRuntime;

beforeAll(async () => {
  kit = await createTestRuntime({
    tasks: fromHere("../../tasks"),
    server: inject("adminDatabaseUrl"),
    owner: inject("ownerDatabaseUrl"),
  });
  const published = signal();
  const plugin = { name: "test", listeners: { "tasks:published": () => published.resolve() } };
  // No task is due yet, so none runs.
  const runtime = kit.createRuntime({ plugins: [plugin] });
  await runtime.start();
  await published.promise;
  await runtime.stop();
});

afterAll(() => kit.stop());

test("the page shows every task and no other", () => {
  expect(kit.catalog.failures).toEqual([]);
  expect(shown.map(({ name }) => name).sort()).toEqual([...kit.catalog.tasks.keys()].sort());
  for (const { name, alias } of shown) {
    expect(kit.catalog.tasks.get(name)?.aliases ?? []).toEqual(
      alias === undefined ? expect.anything() : [alias],
    );
  }
});

test.each(shown)(
  "$name takes the payload that is shown, in TypeScript and in SQL",
  async ({ name, alias, payload }) => {
    const { id } = await kit.enqueue(name, JSON.parse(payload));
    expect(await kit.job(id)).toMatchObject({ task: name, payload: JSON.parse(payload) });
    const added = await kit.db.query("select taskrun.add_job($1, $2) as id", [
      alias ?? name,
      payload,
    ]);
    expect(await kit.job(added.rows[0].id)).toMatchObject({ task: alias ?? name });
  },
);

test.each(shown)("$name is refused in SQL with a payload that is none", async ({ name }) => {
  await expect(kit.db.query("select taskrun.add_job($1, '[]')", [name])).rejects.toThrow();
});
