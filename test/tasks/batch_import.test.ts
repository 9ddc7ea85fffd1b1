/** What the example task batch_import promises, on a real database. */

import { Pool } from "pg";
import { runTask } from "taskrun/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import batchImport from "../../tasks/batch_import.ts";
import { createTestDatabase } from "../support/test-database.ts";

let database: ScratchDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 4 });
});

afterEach(() => pool.query("drop table if exists imported_items"));

afterAll(async () => {
  await pool.end();
  await database.drop();
});

const apple = { id: "a", name: "apple", price: 1.5 };
const pear = { id: "p", name: "pear", price: 2 };

async function stored(): Promise<unknown[]> {
  const { rows } = await pool.query(
    "select source, id, name, price::float from imported_items order by source, id",
  );
  return rows;
}

test("items go into a table that is made when missing", async () => {
  const { outcome, output, progress } = await runTask(
    batchImport,
    { items: [apple, pear] },
    { pool },
  );

  expect(outcome.state).toBe("completed");
  expect(output).toEqual({ imported: 2, failed: 0, failures: [] });
  expect(await stored()).toEqual([
    { source: "default", ...apple },
    { source: "default", ...pear },
  ]);
  expect(progress.at(-1)).toEqual({ done: 2, total: 2, message: "0 refused" });
});

test("a second run overwrites and doubles nothing", async () => {
  await runTask(batchImport, { items: [apple, pear] }, { pool });
  const items = [{ ...apple, price: 3 }, pear];
  const { output } = await runTask(batchImport, { items }, { pool });

  expect(output).toMatchObject({ imported: 2, failed: 0 });
  expect(await stored()).toMatchObject([{ id: "a", price: 3 }, { id: "p" }]);
});

test("sources keep their items apart", async () => {
  await runTask(batchImport, { source: "one", items: [apple] }, { pool });
  await runTask(batchImport, { source: "two", items: [apple] }, { pool });

  expect(await stored()).toMatchObject([{ source: "one" }, { source: "two" }]);
});

test("no items are nothing to do", async () => {
  const { outcome, output } = await runTask(batchImport, { items: [] }, { pool });

  expect(outcome.state).toBe("completed");
  expect(output).toMatchObject({ imported: 0, failed: 0 });
});

describe("an item that can't be taken", () => {
  test("is reported with its place, and the others go in", async () => {
    const items = [apple, { id: "x" }, "rubbish", pear, { ...pear, id: "n", name: "nul\0" }];
    const { outcome, output, logs } = await runTask(batchImport, { items }, { pool });

    expect(outcome.state).toBe("completed");
    expect(output).toEqual({
      imported: 2,
      failed: 3,
      failures: [
        { index: 1, reason: expect.stringMatching(/^name: .*; price: [^:]*:[^:]*$/) },
        { index: 2, reason: expect.stringContaining("expected object") },
        { index: 4, reason: expect.stringContaining("0x00") },
      ],
    });
    expect(await stored()).toMatchObject([{ id: "a" }, { id: "p" }]);
    expect(logs.filter(({ level }) => level === "warn")).toHaveLength(3);
  });

  test("ends the job for good when there is no other", async () => {
    const { outcome, error } = await runTask(batchImport, { items: [{}, {}] }, { pool });

    expect(outcome.state).toBe("failed");
    expect(error?.message).toContain("none of 2 items could be imported; item 0:");
  });

  test("is reported at most a hundred times", async () => {
    const items = [apple, ...Array.from({ length: 150 }, () => ({}))];
    const { output } = await runTask(batchImport, { items }, { pool });

    expect(output).toMatchObject({ imported: 1, failed: 150 });
    expect(output?.failures).toHaveLength(100);
  });
});

test("what is wrong with the database is no item's fault: the job is retried", async () => {
  await pool.query("create table imported_items (source text, id text)");
  const { outcome } = await runTask(batchImport, { items: [apple] }, { pool });
  expect(outcome).toMatchObject({ state: "failed", error: { rule: "sqlstate" } });

  const closed = new Pool({ connectionString: "postgres://127.0.0.1:1/none" });
  const unreachable = await runTask(batchImport, { items: [apple] }, { pool: closed });
  expect(unreachable.outcome).toMatchObject({ state: "retrying", error: { rule: "network-code" } });
});

/** The pool, with something to wait for after each query. */
function withHook(hook: (text: string) => unknown): Pool {
  return new Proxy(pool, {
    get(target, name) {
      if (name !== "query") return Reflect.get(target, name);
      return async (text: string, values?: unknown[]) => {
        const result = await target.query(text, values);
        await hook(text);
        return result;
      };
    },
  });
}

test("jobs that find no table at the same moment make it once", async () => {
  const allHaveLooked = Promise.withResolvers<void>();
  let looked = 0;
  const together = withHook((text) => {
    if (!text.includes("to_regclass")) return;
    looked += 1;
    if (looked === 4) allHaveLooked.resolve();
    return allHaveLooked.promise;
  });
  const runs = Array.from({ length: 4 }, (_, source) =>
    runTask(batchImport, { source: `s${source}`, items: [apple] }, { pool: together }),
  );

  const states = (await Promise.all(runs)).map(({ outcome }) => outcome.state);
  expect(states).toEqual(["completed", "completed", "completed", "completed"]);
  expect(await stored()).toHaveLength(4);
});

test("a stopped attempt ends between two items and keeps what is in", async () => {
  const stop = new AbortController();
  const stopping = withHook((text) => {
    if (text.startsWith("insert")) stop.abort(new Error("enough"));
  });
  const { error } = await runTask(
    batchImport,
    { items: [apple, pear] },
    { pool: stopping, signal: stop.signal },
  );

  expect(error?.message).toBe("enough");
  expect(await stored()).toMatchObject([{ id: "a" }]);
});
