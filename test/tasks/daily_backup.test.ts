/** What the example task daily_backup promises, on a real database. */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { runTask } from "taskrun/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JobRow } from "../../src/store/jobs.ts";
import dailyBackup from "../../tasks/daily_backup.ts";
import { heard, type ProjectDatabase, projectDatabase } from "../support/project-database.ts";
import { addBySql, testRuntime } from "../support/test-runtime.ts";

let project: ProjectDatabase;

beforeEach(async () => {
  project = await projectDatabase();
});

afterEach(() => project.stop());

const backUp = (payload: object = {}, more: object = {}) =>
  runTask(dailyBackup, payload, { pool: project.pool, job: { id: "6" }, ...more });

async function backedUp(file: string): Promise<{ table: string; row: unknown }[]> {
  const text = gunzipSync(await readFile(file)).toString();
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

describe("the file", () => {
  test("holds every row of every table of the schema, and no other's", async () => {
    await project.pool.query(`
      create table "Odd ""name" (r int, "where" text);
      insert into "Odd ""name" values (1, E'line\\nbreak "quoted"');
      create table empty (id int);
      create table many as select n from generate_series(1, 2500) n;
      create schema other; create table other.secret as select 1 as id;
      create view seen as select 1 as id`);
    const { outcome, output, progress } = await backUp();

    expect(outcome.state).toBe("completed");
    expect(output).toMatchObject({ tables: 3, rows: 2501, removed: [] });
    expect(output?.next_backup_scheduled).toBe(false);
    const lines = await backedUp(output?.backup_location ?? "");
    expect(lines.filter(({ table }) => table === "many")).toHaveLength(2500);
    expect(lines.filter(({ table }) => table !== "many")).toEqual([
      { table: 'Odd "name', row: { r: 1, where: 'line\nbreak "quoted"' } },
    ]);
    expect(progress.at(-1)).toEqual({ done: 3, total: 3, message: "2501 rows in all" });
    const [name] = await project.files("backups");
    expect(name).toMatch(/^public-\d{8}T\d{6}\.\d{3}Z\.jsonl\.gz$/);
  });

  test("brings back what was there, to the last digit", async () => {
    await project.pool.query(`
      create table precious (id bigint, amount numeric, at timestamptz, raw bytea, tags text[],
        more json);
      insert into precious values
        (9007199254740993, 0.12345678901234567890, '2026-01-01 00:00:00.123456+02', '\\x00ff',
         '{a,"b,c",NULL}', '{"a": 1.10}'),
        (null, 'NaN', 'infinity', null, null, null)`);
    const { output } = await backUp();

    const text = gunzipSync(await readFile(output?.backup_location ?? "")).toString();
    await project.pool.query("create table restored (like precious)");
    await project.pool.query(
      `insert into restored select r.* from unnest($1::text[]) as line,
         json_populate_record(null::restored, line::json -> 'row') r`,
      [text.trim().split("\n")],
    );
    const same = await project.pool.query(
      `select precious::text from precious except select restored::text from restored`,
    );
    expect(same.rows).toEqual([]);
  });

  test("shows all tables as of one moment, whatever is written meanwhile", async () => {
    await project.pool.query("create table a as select 1 as id; create table b as select 1 as id");
    const pool = heard(project.pool, (text) => {
      if (!text.startsWith("fetch")) return;
      return project.pool.query("insert into b select max(id) + 1 from b");
    });
    const { output } = await backUp({}, { pool });

    expect(output).toMatchObject({ tables: 2, rows: 2 });
  });

  test("of a schema without tables is empty", async () => {
    await project.pool.query("create schema bare");
    const { output } = await backUp({ schema: "bare" });
    expect(output).toMatchObject({ tables: 0, rows: 0 });
    expect(await backedUp(output?.backup_location ?? "")).toEqual([]);
  });
});

describe("a backup that doesn't get done leaves no file", () => {
  test("when there is no such schema", async () => {
    const { outcome, error } = await backUp({ schema: "nowhere" });
    expect(outcome.state).toBe("failed");
    expect(error?.message).toBe("there is no schema nowhere");
    expect(await project.files("backups")).toEqual([]);
  });

  test("when a table may not be read", async () => {
    await project.pool.query("create table ok as select 1 as id; create table shut as select 1");
    const pool = heard(project.pool, (text) => {
      if (text.includes('"shut"')) {
        throw Object.assign(new Error("permission denied for table shut"), { code: "42501" });
      }
    });
    const { outcome, error } = await backUp({}, { pool });
    expect(outcome.state).toBe("failed");
    expect(error?.message).toContain("shut");
    expect(await project.files("backups")).toEqual([]);
  });

  test("when it is stopped in the midst of a table", async () => {
    await project.pool.query("create table many as select n from generate_series(1, 5000) n");
    const stop = new AbortController();
    let pages = 0;
    const pool = heard(project.pool, (text) => {
      if (text.startsWith("fetch")) pages += 1;
      if (pages === 2) stop.abort(new Error("enough"));
    });
    const { outcome } = await backUp({}, { pool, signal: stop.signal });

    expect(outcome.state).toBe("retrying");
    expect(pages).toBeLessThan(4);
    expect(await project.files("backups")).toEqual([]);
    const open = await project.pool.query(
      `select 1 from pg_stat_activity where datname = current_database() and xact_start < now()
         and backend_type = 'client backend'`,
    );
    expect(open.rowCount).toBe(0);
  });

  test("and the old ones stay", async () => {
    await mkdir(join(project.dataDir, "backups"));
    const kept = "public-20200101T000000.000Z.jsonl.gz";
    await writeFile(join(project.dataDir, "backups", kept), "");
    await backUp({ schema: "public", keep: 1 }, { timeout: 1, timeoutGrace: 1 });
    expect(await project.files("backups")).toContain(kept);
  });
});

describe("old backups", () => {
  const stamp = (daysAgo: number) =>
    new Date(Date.now() - daysAgo * 86_400_000).toISOString().replaceAll(/[-:]/g, "");

  async function leave(...names: string[]) {
    await mkdir(join(project.dataDir, "backups"));
    for (const name of names) await writeFile(join(project.dataDir, "backups", name), "");
  }

  test("beyond the number to keep go, the oldest first, and nothing else", async () => {
    const [one, two, three] = [3, 2, 1].map((days) => `public-${stamp(days)}.jsonl.gz`);
    const others = [`public_2-${stamp(9)}.jsonl.gz`, "public-notes.txt"];
    await leave(`${one}`, `${two}`, `${three}`, ...others);
    const { output } = await backUp({ keep: 2 });

    expect(output?.removed).toEqual([one, two]);
    const left = await project.files("backups");
    expect(left).toHaveLength(4);
    expect(left).toEqual(expect.arrayContaining([three, ...others]));
  });

  test("older than the days to keep go, the new one never", async () => {
    const [old, young] = [31, 29].map((days) => `public-${stamp(days)}.jsonl.gz`);
    await leave(`${old}`, `${young}`);
    expect((await backUp({ retention_days: 30 })).output?.removed).toEqual([old]);
    expect((await backUp({ retention_days: 1e-9, keep: 5 })).output?.removed).toContain(young);
    expect(await project.files("backups")).toHaveLength(1);
  });
});

test.each([
  ["another type", { backup_type: "files" }],
  ["a schema that is a path", { schema: "../x" }],
  ["nothing to keep", { keep: 0 }],
  ["less than a minute between two", { recurring: true, every: "5s" }],
])("a payload with %s is refused", async (_case, payload) => {
  const { outcome } = await backUp(payload);
  expect(outcome).toMatchObject({ state: "failed", error: { rule: "payload-schema" } });
});

describe("recurring", () => {
  const payload = { recurring: true, keep: 3 };
  const day = 86_400_000;

  /** A process's whole way, from queue to queue. */
  async function recurringRuntime(task: unknown = dailyBackup) {
    const kit = await testRuntime({ daily_backup: task });
    const waiting = async (): Promise<JobRow[]> => kit.enqueued("daily_backup");
    return { kit, waiting, [Symbol.asyncDispose]: () => kit.stop() };
  }

  test("schedules the next a day after it was due, with the same payload", async () => {
    await using runtime = await recurringRuntime();
    const { kit, waiting } = runtime;
    const runAt = new Date(Date.now() - 60_000);
    const { id } = await kit.enqueue("daily_backup", payload, { runAt });
    const job = await kit.runJob(id);

    expect(job).toMatchObject({ state: "completed", output: { next_backup_scheduled: true } });
    const [next, ...more] = await waiting();
    expect(more).toEqual([]);
    expect(next).toMatchObject({ payload, parent_id: id, queue: "daily_backup:public" });
    expect(next?.run_at.getTime()).toBe(runAt.getTime() + day);
  });

  test("leaves out the days that nobody was there for", async () => {
    await using runtime = await recurringRuntime();
    const { kit, waiting } = runtime;
    const runAt = new Date(Date.now() - 3.5 * day);
    const { id } = await kit.enqueue("daily_backup", payload, { runAt });
    await kit.runJob(id);
    expect((await waiting())[0]?.run_at.getTime()).toBe(runAt.getTime() + 4 * day);
  });

  test("goes on for many days, always with one next", async () => {
    await using runtime = await recurringRuntime();
    const { kit, waiting } = runtime;
    let { id } = await kit.enqueue("daily_backup", payload);
    for (let round = 0; round < 5; round += 1) {
      expect((await kit.runJob(id)).state).toBe("completed");
      const [next, ...more] = await waiting();
      expect(more).toEqual([]);
      expect(next?.id).not.toBe(id);
      id = next?.id ?? "";
    }
  });

  test("doesn't double when it is tried again, nor when two are added", async () => {
    let failures = 2;
    const failing = {
      ...dailyBackup,
      handler: async (...args: Parameters<typeof dailyBackup.handler>) => {
        await dailyBackup.handler(...args);
        if (failures-- > 0) throw new Error("not yet");
        return null;
      },
      output: undefined,
    };
    await using runtime = await recurringRuntime(failing);
    const { kit, waiting } = runtime;
    const first = await kit.enqueue("daily_backup", payload);
    expect(await kit.runJob(first.id)).toMatchObject({ state: "retrying" });
    const [next] = await waiting();
    expect(await kit.runJob(first.id)).toMatchObject({ state: "retrying" });
    expect(await kit.runJob(first.id)).toMatchObject({ state: "completed" });
    const second = await addBySql(kit, "daily_backup", { ...payload, keep: 9 });
    expect(await kit.runJob(second)).toMatchObject({ state: "completed" });

    const after = await waiting();
    expect(after).toHaveLength(1);
    // The time set first, the payload given last.
    expect(after[0]).toMatchObject({ id: next?.id, run_at: next?.run_at, payload: { keep: 9 } });
  });

  test("goes on after a backup that failed for good, which can be tried again", async () => {
    await using runtime = await recurringRuntime();
    const { kit, waiting } = runtime;
    const bad = { ...payload, schema: "later" };
    const { id } = await kit.enqueue("daily_backup", bad, { maxAttempts: 1 });
    expect(await kit.runJob(id)).toMatchObject({ state: "failed" });
    const [next, ...more] = await waiting();
    expect(more).toEqual([]);

    const again = await kit.runJob(next?.id ?? "");
    expect(again).toMatchObject({ state: "failed", error: "there is no schema later" });
    expect(await waiting()).toHaveLength(1);
    await kit.db.query("create schema later");
    expect(await kit.runJob((await waiting())[0]?.id ?? "")).toMatchObject({ state: "completed" });
    expect(await waiting()).toHaveLength(1);
  });
});
