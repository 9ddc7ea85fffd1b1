/** What the example task user_report promises, on a real database. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runTask } from "taskrun/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import userReport from "../../tasks/user_report.ts";
import {
  addUsers,
  heard,
  type ProjectDatabase,
  projectDatabase,
} from "../support/project-database.ts";

let project: ProjectDatabase;

beforeEach(async () => {
  project = await projectDatabase();
});

afterEach(() => project.stop());

const period = { start_date: "2024-01-01", end_date: "2024-01-03" };

const report = (payload: object, more: object = {}) =>
  runTask(userReport, payload, { pool: project.pool, job: { id: "4" }, ...more });

const addSome = () =>
  addUsers(project.pool, [
    { email: "a@x.co", created: "2023-05-01", seen: "2024-01-02" },
    { email: "b@x.co", created: "2023-05-01", seen: "2023-06-01" },
    { email: "c@x.co", created: "2024-01-01 08:00" },
    { email: "d@x.co", created: "2024-01-03 23:59", seen: "2024-01-03 23:59" },
    { email: "later@x.co", created: "2024-01-04 00:01" },
  ]);

const reportFile = (format: string) =>
  readFile(join(project.dataDir, "reports", `4.${format}`), "utf8");

test("the output has the totals and where the report is", async () => {
  await addSome();
  const { outcome, output, progress } = await report(period);

  expect(outcome.state).toBe("completed");
  expect(output).toEqual({
    report_url: join(project.dataDir, "reports", "4.csv"),
    total_users: 4,
    active_users: 2,
    new_signups: 2,
  });
  expect(await reportFile("csv")).toBe(
    "measure,value\r\ntotal_users,4\r\nactive_users,2\r\nnew_signups,2\r\n" +
      "2024-01-01,1\r\n2024-01-02,0\r\n2024-01-03,1\r\n",
  );
  expect(progress.at(-1)).toEqual({ done: 3, total: 3, message: "written" });
});

test("without details there are the totals only", async () => {
  await addSome();
  await report({ ...period, include_details: false });
  expect(await reportFile("csv")).toMatch(/new_signups,2\r\n$/);
});

test("as JSON and as HTML", async () => {
  await addSome();
  await report({ ...period, format: "json" });
  expect(JSON.parse(await reportFile("json"))).toMatchObject({
    ...period,
    total_users: 4,
    days: [{ day: "2024-01-01", signups: 1 }, { signups: 0 }, { signups: 1 }],
  });
  await report({ ...period, format: "html" });
  expect(await reportFile("html")).toContain("<h1>Users from 2024-01-01 to 2024-01-03</h1>");
});

test("nobody at all is a report of zeros", async () => {
  await addUsers(project.pool, []);
  const { output } = await report(period);
  expect(output).toMatchObject({ total_users: 0, active_users: 0, new_signups: 0 });
});

test("a second attempt writes the same file again", async () => {
  await addSome();
  await report(period);
  await report(period, { attempt: 2 });
  expect(await project.files("reports")).toEqual(["4.csv"]);
});

test("a stop while writing leaves no file", async () => {
  await addSome();
  const stop = new AbortController();
  const pool = heard(project.pool, (text) => {
    if (text.includes("generate_series")) stop.abort(new Error("enough"));
  });
  const { outcome } = await report(period, { pool, signal: stop.signal });

  expect(outcome.state).toBe("retrying");
  expect(await project.files("reports")).toEqual([]);
});

test("without a table users the job fails and says how to make one", async () => {
  const { outcome, error } = await report(period);

  expect(outcome.state).toBe("failed");
  expect(error?.message).toContain("create table users (");
});

test("a table users with other columns ends the job", async () => {
  await project.pool.query("create table users (id int)");
  const { outcome, error } = await report(period);

  expect(outcome).toMatchObject({ state: "failed", error: { rule: "sqlstate" } });
  expect(error?.message).toContain("does not exist");
});

test.each([
  ["no dates", {}, "start_date"],
  ["a date that isn't one", { ...period, end_date: "2024-02-30" }, "end_date"],
  ["an end before its start", { ...period, end_date: "2023-12-31" }, "must not be before"],
  ["more than ten years", { ...period, end_date: "2034-02-01" }, "within ten years"],
  ["an unknown format", { ...period, format: "pdf" }, "format"],
])("a payload with %s is refused", async (_case, payload, reason) => {
  const { outcome, error } = await report(payload);
  expect(outcome).toMatchObject({ state: "failed", error: { rule: "payload-schema" } });
  expect(error?.message).toContain(reason);
});
