import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { type CliResult, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: ScratchDatabase;
let project: TaskProject;

beforeAll(async () => {
  database = await createTestDatabase();
  project = await TaskProject.of({
    "tasks/fail.mjs": `export default async (payload, ctx) => {
      ctx.log.warn({ n: 1 }, "about to fail");
      throw new Error("no\\nluck");
    };`,
  });
  await cli("add", "fail", "--max-attempts", "1");
  await cli("--once");
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

function cli(...args: string[]): Promise<CliResult> {
  return runCli(args, { cwd: project.dir, env: { DATABASE_URL: database.url } });
}

test("explain says why in a sentence, or as JSON with the facts", async () => {
  const { stdout: all } = await cli("jobs", "--json", "--state", "failed");
  const [{ id }] = JSON.parse(all);
  const { code, stdout } = await cli("explain", id);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^It has failed for good: .*"no"; `taskrun retry \d+` makes it due/);
  const { stdout: json } = await cli("explain", id, "--json");
  expect(JSON.parse(json)).toMatchObject({
    id,
    state: "failed",
    reason: "attempts-exhausted",
    sentence: expect.stringMatching(/^It has failed for good: /),
    facts: { attempts: 1, max_attempts: 1, error: "no\nluck" },
  });
  expect(await cli("explain", "999999")).toMatchObject({ code: 1, stdout: "" });
});
