import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { type CliResult, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: ScratchDatabase;
let project: TaskProject;

beforeAll(async () => {
  database = await createTestDatabase();
  project = await TaskProject.of({});
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

function cli(...args: string[]): Promise<CliResult> {
  return runCli(args, { cwd: project.dir, env: { DATABASE_URL: database.url } });
}

test("a token is created in an empty database, listed without itself, and revoked", async () => {
  const made = await cli("token", "create", "shop", "--json");
  expect(made.code).toBe(0);
  const { name, token, scopes, expires_at } = JSON.parse(made.stdout);
  expect({ name, scopes, expires_at }).toEqual({
    name: "shop",
    scopes: ["enqueue", "read"],
    expires_at: null,
  });
  expect(token).toMatch(/^taskrun_/);
  const list = await cli("token", "list");
  expect(list.stdout).toMatch(/shop +enqueue,read +\S+ +- +- +valid/);
  expect(list.stdout).not.toContain(token);
  const again = await cli("token", "create", "shop");
  expect([again.code, again.stdout]).toEqual([1, ""]);
  expect(again.stderr).toContain("There is a token shop already.");
  expect((await cli("token", "revoke", "shop")).stderr).toContain("Revoked the token shop");
  expect(JSON.parse((await cli("token", "list", "--json")).stdout)).toMatchObject([
    { name: "shop", revoked_at: expect.any(String) },
  ]);
});

test("scopes and the end are chosen; the token alone is on standard output", async () => {
  const made = await cli("token", "create", "ops", "--scope", "operate,read", "--expires", "30d");
  expect(made.stdout).toMatch(/^taskrun_[\w-]+\n$/);
  expect(made.stderr).toContain("Token ops may read, operate until ");
  const twice = await cli(
    "token",
    "create",
    "two",
    "--scope",
    "read",
    "--scope",
    "enqueue",
    "--json",
  );
  expect(JSON.parse(twice.stdout).scopes).toEqual(["enqueue", "read"]);
});

test.each([
  [["token", "make", "x"], "make: unknown action"],
  [["token", "create"], "<name> is missing"],
  [["token", "create", "x", "--scope", "reed"], "Did you mean read?"],
  [["token", "create", "x", "--expires", "soon"], "--expires soon: expected a duration"],
  [["token", "create", "x", "--expires", "0"], "--expires 0: expected a duration"],
  [["token", "list", "x"], "list goes without a name"],
  [["token", "revoke", "x", "--scope", "read"], "--scope goes with create"],
])("%j is refused", async (args, said) => {
  const { code, stderr } = await cli(...args);
  expect(code).toBe(2);
  expect(stderr).toContain(said);
});

test("revoking a token that isn't there names the one that was meant", async () => {
  await cli("token", "create", "reports");
  const { code, stderr } = await cli("token", "revoke", "reprots");
  expect(code).toBe(1);
  expect(stderr).toContain("Did you mean reports?");
});
