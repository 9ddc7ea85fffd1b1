import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { migrate } from "../../../src/store/migrate.ts";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: ScratchDatabase;
let project: TaskProject;

beforeAll(async () => {
  database = await createTestDatabase();
  project = await TaskProject.of({
    "tasks/backup.mjs": `export default { redact: ["$.key"], handler: async () => 1 };`,
    crontab: [
      "# Every table, compressed.",
      "30 2 * * * backup ?id=nightly&fill=1d&tz=Europe/Paris {full: true, key: 's3cr3t'}",
      "*/5 * * * * backup",
      "* * * * * bakcup ?id=typo",
    ].join("\n"),
  });
});
afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

const run = (args: string[], url: string) =>
  runCli(["crontab", ...args], { cwd: project.dir, env: { DATABASE_URL: url } });

test("each line is told in words with its next runs, and bad lines with their place", async () => {
  const { code, stdout, stderr } = await run([], database.url);
  expect(code).toBe(0);
  expect(stdout).toContain("backup (nightly): every day at 02:30 Europe/Paris\n");
  expect(stdout).toContain("  Every table, compressed.\n");
  expect(stdout).toMatch(/ {2}next {2}\d{4}-\d\d-\d\d 0[23]:\d0 Europe\/Paris {2}.* UTC\n/);
  expect(stdout).toContain("backup: every 5 minutes\n");
  expect(stdout.match(/ UTC$/gm)).toHaveLength(6);
  expect(stdout.match(/ {2}last {2}never/g)).toHaveLength(2);
  expect(stderr).toContain("crontab:4:11: there is no task bakcup");
  expect(stderr).toContain("Did you mean backup?");
});

test("--json tells programs the same, with the last run", async () => {
  await migrate(database.url, { schema: "graphile_worker" });
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(
    "insert into taskrun.cron_items values ('nightly', now(), '2026-01-01T01:30Z')",
  );
  await client.end();
  const { code, stdout } = await run(["--json"], database.url);
  expect(code).toBe(0);
  const [nightly, often] = JSON.parse(stdout);
  expect(nightly).toMatchObject({
    line: 2,
    identifier: "nightly",
    task: "backup",
    pattern: "30 2 * * *",
    time_zone: "Europe/Paris",
    words: "every day at 02:30 Europe/Paris",
    comment: "Every table, compressed.",
    payload: { full: true, key: "[secret]" },
    fill: "1d",
    last: "2026-01-01T01:30:00.000Z",
  });
  expect(nightly.next).toHaveLength(3);
  expect(Date.parse(nightly.next[0].utc)).toBeGreaterThan(Date.now());
  expect(often).toMatchObject({ identifier: "backup", last: null });
});

test("without a database the next runs are told all the same", async () => {
  const url = new URL(inject("ownerDatabaseUrl"));
  url.pathname = "/there_is_no_such_database";
  const { code, stdout, stderr } = await run([], url.href);
  expect(code).toBe(0);
  expect(stdout).toContain("every 5 minutes");
  expect(stderr).toContain("last runs are unknown");
});

test("no crontab is said to be none", async () => {
  await using empty = await TaskProject.of({ "tasks/a.mjs": "export default async () => 1;" });
  const absent = await runCli(["crontab"], { cwd: empty.dir });
  expect({ code: absent.code, stdout: absent.stdout }).toEqual({ code: 0, stdout: "" });
  expect(absent.stderr).toContain("There are no lines in crontab.");
  const off = await runCli(["crontab", "--crontab", "false", "--json"], { cwd: empty.dir });
  expect(off.stdout).toBe("[]\n");
  expect(off.stderr).toContain("turned off");
});
