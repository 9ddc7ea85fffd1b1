import { expect, test } from "vitest";
import { runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";

test("db url prints the configured URL alone, whole, on stdout", async () => {
  await using project = await TaskProject.of({ "package.json": "{}" });
  const url = "postgres://ada:s3cret@db.example/shop";
  const { code, stdout } = await runCli(["db", "url"], {
    cwd: project.dir,
    env: { DATABASE_URL: url },
  });
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${url}\n` });
});

test("an unknown action is refused with the one that was meant", async () => {
  await using project = await TaskProject.of({ "package.json": "{}" });
  const { code, stderr } = await runCli(["db", "strat"], { cwd: project.dir });
  expect(code).toBe(2);
  expect(stderr).toContain("Did you mean start?");
});

test("db roles prints a script for the schema's roles, and needs no database", async () => {
  await using project = await TaskProject.of({ "package.json": "{}" });
  const roles = (...more: string[]) => runCli(["db", "roles", ...more], { cwd: project.dir });
  const usual = await roles();
  expect(usual).toMatchObject({ code: 0, stderr: "" });
  expect(usual.stdout).toContain('to "taskrun_worker"');
  expect(usual.stdout).not.toMatch(/:[A-Z]+/);
  const other = await roles("--schema", "orders", "--graphile-functions");
  expect(other.stdout).toContain('to "orders_taskrun_reader"');
  expect(other.stdout).toContain('grant usage on schema "orders" to "orders_taskrun_enqueuer"');
  expect(usual.stdout).not.toContain('schema "graphile_worker" to "taskrun_enqueuer"');
});

test("what only the roles know is refused for another action", async () => {
  await using project = await TaskProject.of({ "package.json": "{}" });
  const ran = await runCli(["db", "url", "--graphile-functions"], { cwd: project.dir });
  expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining("`taskrun db roles`") });
});

test("the embedded Postgres is started, used, stopped and reset", async () => {
  await using project = await TaskProject.of({ "tasks/a.mjs": "export default async () => 7;" });
  const cli = (...args: string[]) => runCli(args, { cwd: project.dir });
  try {
    expect(await cli("db", "url")).toMatchObject({ code: 69, stdout: "" });
    expect(await cli("db", "start")).toMatchObject({ code: 0, stdout: "" });
    const url = await cli("db", "url");
    expect(url.stdout).toMatch(/^postgres:\/\/\S+\n$/);
    const added = await cli("add", "a", "--json");
    const { id } = JSON.parse(added.stdout);
    expect((await cli("--once")).code).toBe(0);
    const shown = await cli("show", id, "--json");
    expect(JSON.parse(shown.stdout)).toMatchObject({ state: "completed", output: 7 });
    const doctor = await cli("doctor", "--json");
    expect(doctor.stdout).toContain("running as process");
    expect((await cli("db", "stop")).stderr).toContain("has stopped");
    expect((await cli("db", "stop")).stderr).toContain("wasn't running");
  } finally {
    expect(await cli("db", "reset")).toMatchObject({ code: 0 });
  }
});
