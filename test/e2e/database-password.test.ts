/** The password of DATABASE_URL, looked for in whatever the command prints when all goes wrong. */

import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { runCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { createTestDatabase } from "../support/test-database.ts";

const password = "kanarie-4Hq!t%";
const role = `password_${process.pid}`;

let database: ScratchDatabase;
let admin: pg.Client;
let project: TaskProject;
/** By what is wrong with them. */
const urls: Record<string, string> = {};

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  project = await TaskProject.of({
    "tasks/tells.ts": `
      export default (payload, ctx) => {
        ctx.log.info("connected to " + process.env.DATABASE_URL);
        throw new Error("PERMANENT: no answer from " + process.env.DATABASE_URL);
      };`,
    "tasks/broken.ts": "throw new Error('no config in ' + process.env.DATABASE_URL);",
  });
  const { host, pathname } = new URL(database.url);
  const at = (user: string, where: string) =>
    `postgres://${user}:${encodeURIComponent(password)}@${where}`;
  Object.assign(urls, {
    "wrong password": at("app", `${host}${pathname}`),
    "unknown role": at(role, `${host}${pathname}`),
    "nobody listens": at("app", "127.0.0.1:1/x"),
    "no such host": at("app", "nowhere.invalid/x"),
    "no URL": `postgres//app:${password}@${host}`,
    "odd parameters": `${at("app", `${host}${pathname}`)}?sslmode=require&sslpassword=${password}`,
  });
});
afterAll(async () => {
  await admin.end();
  await database.drop();
  await project[Symbol.asyncDispose]();
});

const expectNone = (text: string) => {
  for (const form of [password, encodeURIComponent(password), "4Hq"]) {
    expect(text).not.toContain(form);
  }
};

test.each([["run", "--once"], ["jobs", "--json"], ["doctor"]])(
  "%s %s shows no password, whatever is wrong",
  { timeout: 240_000 },
  async (...args) => {
    for (const [what, url] of Object.entries(urls)) {
      // Those that may come up are waited for; a signal isn't what this is about.
      if (args[0] !== "doctor" && /listens|host/.test(what)) continue;
      const env = { DATABASE_URL: url, TASKRUN_LOG_LEVEL: "trace" };
      const { stdout, stderr, code } = await runCli(args.filter(Boolean), {
        cwd: project.dir,
        env,
      });
      expect(code, what).not.toBe(0);
      expectNone(stdout + stderr);
    }
  },
);

test("nor does one that works, though its handlers tell", { timeout: 240_000 }, async () => {
  const url = new URL(database.url);
  const own = decodeURIComponent(url.password);
  const env = { DATABASE_URL: database.url, TASKRUN_LOG_LEVEL: "trace" };
  await runCli(["migrate"], { cwd: project.dir, env });
  await admin.query("select taskrun.add_job('tells')");
  const ran = await runCli(["run", "--once"], { cwd: project.dir, env });
  expect(ran.stdout + ran.stderr).toContain("connected to postgres://");
  const checked = await runCli(["check"], { cwd: project.dir, env });
  expect(checked.stdout + checked.stderr).toContain("no config in");
  const shown = await runCli(["show", "1"], { cwd: project.dir, env });
  expect(shown.stdout).toContain("no answer from postgres://");
  for (const { stdout, stderr } of [ran, checked, shown]) {
    expect(stdout + stderr).not.toContain(`:${own}@`);
    expect(stdout + stderr).not.toContain(`:${url.password}@`);
  }
});
