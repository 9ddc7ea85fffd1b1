import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { RunningCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { createTestDatabase } from "../support/test-database.ts";

let database: ScratchDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test("a file that loops while it is imported is named, and the start ends", async () => {
  await using project = await TaskProject.of({
    "package.json": '{ "type": "module" }',
    "tasks/_forever.ts": "export const n: number = 1;\nfor (let i = 0; ; i += n) if (i < 0) break;",
    "tasks/good.ts": "export default () => 1;",
    "tasks/loops.ts": 'import { n } from "./_forever.ts";\nexport default () => n;',
    "tasks/waits.ts": "await new Promise(() => {});\nexport default () => 1;",
  });
  await using cli = new RunningCli(["run", "--import-timeout", "2s"], {
    cwd: project.dir,
    env: { DATABASE_URL: database.url },
  });
  const { signal, stderr } = await cli.ended;
  expect(stderr).toMatch(/tasks\/loops\.ts held up everything for 2000 ms while it was imported/);
  expect(stderr).toContain("the start is given up");
  expect(signal).toBe("SIGKILL");
});

test("an import that is slow, but within the limit, is none of its business", async () => {
  await using project = await TaskProject.of({
    "package.json": '{ "type": "module" }',
    "tasks/slow.ts":
      "const until = Date.now() + 1_000;\nwhile (Date.now() < until);\nexport default () => 1;",
  });
  await using cli = new RunningCli(["run", "--import-timeout", "30s"], {
    cwd: project.dir,
    env: { DATABASE_URL: database.url },
  });
  await cli.says("until Ctrl-C");
  cli.kill("SIGTERM");
  expect((await cli.ended).code).toBe(0);
});
