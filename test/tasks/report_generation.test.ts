/** What the example task report_generation promises, on a real database. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { runTask } from "taskrun/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { migrate } from "../../src/store/migrate.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import reportGeneration from "../../tasks/report_generation.ts";
import { createTestDatabase } from "../support/test-database.ts";

let database: ScratchDatabase;
let pool: Pool;
let dataDir: string;

beforeAll(async () => {
  database = await createTestDatabase();
  // One connection: what a report leaves behind on it would show in the next test.
  pool = new Pool({ connectionString: database.url, max: 1 });
  await pool.query("create table things (id int primary key, name text)");
  await pool.query("insert into things select n, 'thing ' || n from generate_series(1, 1200) n");
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "report-generation-"));
  vi.stubEnv("TASKRUN_DATA_DIR", dataDir);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dataDir, { recursive: true });
});

async function report(payload: object) {
  const run = await runTask(reportGeneration, payload, { pool, job: { id: "4" } });
  const [file = null, ...others] = await readdir(join(dataDir, "reports"));
  expect(others).toEqual([]);
  const text = file === null ? null : await readFile(join(dataDir, "reports", file), "utf8");
  return { ...run, file, text };
}

describe("a CSV report", () => {
  test("holds the columns and rows of the query", async () => {
    const { outcome, output, file, text } = await report({
      title: "Things",
      sql: "select id, name from things where id <= $1 and name like $2 order by id;",
      parameters: [2, "thing%"],
    });

    expect(outcome.state).toBe("completed");
    expect(file).toBe("4.csv");
    expect(output).toEqual({
      title: "Things",
      file: join(dataDir, "reports", "4.csv"),
      rowCount: 2,
      truncated: false,
    });
    expect(text).toBe("id,name\r\n1,thing 1\r\n2,thing 2\r\n");
  });

  test("quotes what needs quotes and tells null from an empty text", async () => {
    const { text } = await report({
      sql: `select 'a,b' as "x,y", 'say "hi"' as q, E'two\\nlines' as l, null as n, '' as e`,
    });

    expect(text).toBe('"x,y",q,l,n,e\r\n"a,b","say ""hi""","two\nlines",,""\r\n');
  });

  test("defuses what a spreadsheet would run, and leaves numbers alone", async () => {
    const { text } = await report({
      sql: `select '=1+1' as a, '+1+1' as b, '-1+1' as c, '@sum(a)' as d, E'\\t=1' as e,
                   -5 as f, -1.5e-7::float8 as g, '-2' as h`,
    });

    expect(text?.split("\r\n")[1]).toBe("'=1+1,'+1+1,'-1+1,'@sum(a),'\t=1,-5,-1.5e-07,-2");
  });

  test("shows values as Postgres writes them, whatever the time zone", async () => {
    const { text } = await report({
      sql: "select date '2026-01-01' as d, 12345678901234567890::numeric as n, array[1,2] as a",
    });

    expect(text?.split("\r\n")[1]).toBe('2026-01-01,12345678901234567890,"{1,2}"');
  });

  test("keeps two columns of one name apart", async () => {
    const { text } = await report({ sql: "select 1 as a, 2 as a" });

    expect(text).toBe("a,a\r\n1,2\r\n");
  });

  test("without rows has its header", async () => {
    const { text, output } = await report({ sql: "select id from things where false" });

    expect(text).toBe("id\r\n");
    expect(output).toMatchObject({ rowCount: 0 });
  });

  test("longer than one fetch is whole", async () => {
    const { text, output, progress } = await report({ sql: "select id from things order by id" });

    const ids = Array.from({ length: 1200 }, (_, index) => `${index + 1}`);
    expect(text?.split("\r\n")).toEqual(["id", ...ids, ""]);
    expect(output).toMatchObject({ rowCount: 1200, truncated: false });
    expect(progress.at(-1)).toMatchObject({ done: 1200 });
  });

  test.each([
    [700, 700, true],
    [500, 500, true],
    [1200, 1200, false],
    [1199, 1199, true],
  ])("with at most %i rows has %i", async (maxRows, rowCount, truncated) => {
    const { text, output } = await report({ sql: "select id from things", maxRows });

    expect(output).toMatchObject({ rowCount, truncated });
    expect(text?.split("\r\n")).toHaveLength(rowCount + 2);
  });
});

test("an HTML report escapes its title, columns and cells", async () => {
  const { file, text } = await report({
    title: "<Q1> & more",
    sql: `select '<script>' as "a<b", null as n, '"' as q`,
    format: "html",
  });

  expect(file).toBe("4.html");
  expect(text).toContain("<h1>&lt;Q1&gt; &amp; more</h1>");
  expect(text).toContain("<th>a&lt;b</th><th>n</th><th>q</th>");
  expect(text).toContain("<td>&lt;script&gt;</td><td></td><td>&quot;</td>");
  expect(text).toMatch(/^<!doctype html>.*<\/html>\n$/s);
});

describe("a query", () => {
  test.each([
    ["that writes", "delete from things"],
    ["that writes on the side", "with d as (delete from things returning *) select * from d"],
    ["that calls what writes", "select lo_create(0)"],
    ["that is two", "select 1; delete from things"],
    ["that leaves the transaction", "select 1; commit; delete from things"],
    ["that is none", "selec 1"],
    ["with a parameter too few", "select $1::int"],
    ["that divides by zero", "select 1/0"],
    ["that divides by zero late", "select 1/(600 - id) from things order by id"],
  ])("%s ends the job for good and leaves no file", async (_case, sql) => {
    const { outcome, file } = await report({ sql });

    expect(outcome.state).toBe("failed");
    expect(file).toBeNull();
    const { rows } = await pool.query("select count(*)::int as left from things");
    expect(rows).toEqual([{ left: 1200 }]);
  });

  test("leaves its connection as it found it", async () => {
    await report({ sql: "select 1" });
    await pool.query("update things set name = name where id = 1");
    const { rows } = await pool.query("show statement_timeout");
    expect(rows).toEqual([{ statement_timeout: "0" }]);
  });

  test("ends with its attempt between two fetches", async () => {
    const stop = new AbortController();
    const running = runTask(
      reportGeneration,
      { sql: "select id from things" },
      { pool, signal: stop.signal },
    );
    stop.abort(new Error("enough"));

    expect((await running).error?.message).toBe("enough");
    expect(await readdir(join(dataDir, "reports"))).toEqual([]);
  });
});

describe("a report by name", () => {
  test("counts the jobs between two days", async () => {
    const migrated = await createTestDatabase();
    await migrate(migrated.url, { schema: "graphile_worker" });
    const itsPool = new Pool({ connectionString: migrated.url, max: 1 });
    try {
      const { rows } = await itsPool.query<{ today: string }>(
        "select created_at::date::text as today from graphile_worker.add_job('send_email', '{}')",
      );
      const today = rows[0]?.today ?? "";
      const payload = { report_type: "jobs", start_date: today, end_date: today };
      const { outcome } = await runTask(reportGeneration, payload, { pool: itsPool });

      expect(outcome.state).toBe("completed");
      const text = await readFile(join(dataDir, "reports", "1.csv"), "utf8");
      expect(text).toMatch(/^task,state,jobs,first,last\r\nsend_email,pending,1,/);
    } finally {
      await itsPool.end();
      await migrated.drop();
    }
  });

  test("that is unknown ends the job and names the known ones", async () => {
    const days = { start_date: "2024-01-01", end_date: "2024-01-31" };
    const payload = { report_type: "constructor", ...days };
    const { outcome, error } = await runTask(reportGeneration, payload, { pool });

    expect(outcome.state).toBe("failed");
    expect(error?.message).toBe('there is no report "constructor"; known: jobs');
  });
});

test.each([
  ["neither sql nor report_type", {}],
  ["a format that is none", { sql: "select 1", format: "pdf" }],
  ["no rows at all", { sql: "select 1", maxRows: 0 }],
  ["a day that is none", { report_type: "jobs", start_date: "2024-02-30", end_date: "2024-03-01" }],
])("a payload with %s is refused", async (_case, payload) => {
  const { outcome } = await runTask(reportGeneration, payload, { pool });

  expect(outcome).toMatchObject({ state: "failed", error: { rule: "payload-schema" } });
});
