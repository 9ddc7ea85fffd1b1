import { execFile } from "node:child_process";
import { readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TaskProject } from "../../support/task-project.ts";

const repositoryDir = resolve(import.meta.dirname, "../../..");
const script = join(repositoryDir, "test/support/warm-start.ts");

interface Start {
  readonly late: readonly string[];
  readonly eager: readonly string[];
  readonly different: readonly string[];
  readonly failures: readonly string[];
  readonly timeouts: Readonly<Record<string, number>>;
}

let project: TaskProject;

beforeEach(async () => {
  project = await TaskProject.of({ "package.json": '{"type":"module"}' });
});

afterEach(() => project[Symbol.asyncDispose]());

async function start(given: object = {}, nodeFlags: readonly string[] = []): Promise<Start> {
  const request = { projectDir: project.dir, environment: "here", timeout: "9s", ...given };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--conditions=taskrun-source", ...nodeFlags, script, JSON.stringify(request)],
    { cwd: project.dir },
  );
  return JSON.parse(stdout);
}

/** A file system that ticks slowly takes what was just written for what is being written. */
async function writeAll(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) await project.write(path, text);
}

const manifest = () => project.path(".taskrun/start/tasks.json");

const plain = "export default () => 1;";

test("imports what has changed or come, by whatever way, and nothing else", async () => {
  await writeAll({
    "lib/limit.ts": "export const limit = '3s';",
    "lib/deep.ts": "export { limit } from './limit.ts';",
    "lib/data.json": '{"timeout":"4s"}',
    "tasks/plain.ts": plain,
    "tasks/rewritten.ts": "export default { timeout: '1s', handler: () => 1 };",
    "tasks/by_helper.ts":
      "import { limit } from '../lib/deep.ts'; export default { timeout: limit, handler: () => 1 };",
    "tasks/by_json.ts":
      "import data from '../lib/data.json' with { type: 'json' }; export default { ...data, handler: () => 1 };",
    "tasks/common.cjs":
      "module.exports = { timeout: require('../lib/common.cjs'), handler: () => 1 };",
    "lib/common.cjs": "module.exports = '5s';",
    "tasks/billing/_defaults.ts": "export default { timeout: '2s' };",
    "tasks/billing/charge.ts": plain,
    "tasks/mail/send.ts": plain,
    "tasks/touched.ts": plain,
    "tasks/gone.ts": plain,
    "tasks/queued.ts": "export default { queue: (p) => p.user, handler: () => 1 };",
    "tasks/limited.ts":
      "export default { limit: { key: () => 'k', concurrency: 1 }, handler: () => 1 };",
  });
  const first = await start();
  expect(first.late).toEqual([]);
  expect(first.failures).toEqual([]);
  expect(await start()).toMatchObject({
    late: [
      "billing/charge",
      "by_helper",
      "by_json",
      "common",
      "gone",
      "mail/send",
      "plain",
      "rewritten",
      "touched",
    ],
    // What needs a function before the task runs is imported each time.
    eager: ["limited", "queued"],
    different: [],
    timeouts: first.timeouts,
  });

  await writeAll({
    "lib/limit.ts": "export const limit = '33s';",
    "lib/data.json": '{"timeout":"44s"}',
    "lib/common.cjs": "module.exports = '55s';",
    "tasks/rewritten.ts": "export default { timeout: '11s', handler: () => 1 };",
    "tasks/billing/_defaults.ts": "export default { timeout: '22s' };",
    "tasks/mail/_defaults.ts": "export default { timeout: '66s' };",
    "tasks/new.ts": plain,
  });
  await utimes(project.path("tasks/touched.ts"), 1, 1);
  await rm(project.path("tasks/gone.ts"));
  expect(await start()).toEqual({
    late: ["plain", "touched"],
    eager: [
      "billing/charge",
      "by_helper",
      "by_json",
      "common",
      "limited",
      "mail/send",
      "new",
      "queued",
      "rewritten",
    ],
    different: [],
    failures: [],
    timeouts: {
      "billing/charge": 22_000,
      by_helper: 33_000,
      by_json: 44_000,
      common: 55_000,
      limited: 9000,
      "mail/send": 66_000,
      new: 9000,
      plain: 9000,
      queued: 9000,
      rewritten: 11_000,
      touched: 9000,
    },
  });
});

test("imports everything when anything has changed that all depend on", async () => {
  await writeAll({ "tasks/a.ts": plain, "tasks/b/c.ts": plain });
  await start();
  const all = ["a", "b/c"];
  expect((await start()).late).toEqual(all);
  const starts: [string, () => Promise<Start>][] = [
    ["the environment", () => start({ environment: "elsewhere" })],
    ["the config's defaults", () => start({ timeout: "8s" })],
    ["how Node was started", () => start({ timeout: "8s" }, ["--no-warnings"])],
  ];
  for (const [what, changed] of starts) expect((await changed()).eager, what).toEqual(all);
  const files: [string, string][] = [
    ["package.json", '{"type":"module","version":"2.0.0"}'],
    ["package-lock.json", "{}"],
    ["tsconfig.json", "{}"],
    ["tasks/b/tsconfig.json", "{}"],
    ["tasks/b/package.json", '{"type":"module"}'],
    ["node_modules/.package-lock.json", "{}"],
  ];
  for (const [path, text] of files) {
    await project.write(path, text);
    expect((await start()).eager, path).toEqual(all);
  }
  expect((await start()).late).toEqual(all);
});

test("what is left for the next start is for this user's eyes, and for no repository", async () => {
  await writeAll({ "tasks/a.ts": plain });
  await start();
  expect(await readFile(project.path(".taskrun/start/.gitignore"), "utf8")).toBe("*\n");
  expect((await stat(manifest())).mode & 0o077).toBe(0);
  await writeFile(manifest(), (await readFile(manifest(), "utf8")).slice(0, -20));
  expect((await start()).eager).toEqual(["a"]);
  expect((await start()).late).toEqual(["a"]);
});

test("a folder that can't be written to is no fault", async () => {
  await writeAll({ "tasks/a.ts": plain, ".taskrun": "a file" });
  expect((await start()).eager).toEqual(["a"]);
  expect((await start()).eager).toEqual(["a"]);
});

test("what isn't as it was known is told, and known from then on", async () => {
  await writeAll({
    "setting.txt": "3s",
    "tasks/steady.ts": plain,
    "tasks/varies.ts": `import { readFileSync } from "node:fs";
      const timeout = readFileSync("setting.txt", "utf8");
      export default { timeout, handler: () => 1 };`,
    "tasks/breaks.ts": `import { existsSync } from "node:fs";
      if (existsSync("no-database")) throw new Error("no database");
      export default () => 1;`,
  });
  await start();
  await writeAll({ "setting.txt": "30s", "no-database": "" });
  const second = await start();
  expect(second).toMatchObject({
    late: ["breaks", "steady", "varies"],
    different: ["breaks", "varies"],
    failures: ["breaks: it threw while it was imported: Error: no database"],
    timeouts: { steady: 9000, varies: 30_000 },
  });
  expect(await start()).toMatchObject({
    late: ["steady", "varies"],
    different: [],
    failures: second.failures,
    timeouts: { steady: 9000, varies: 30_000 },
  });
});

test("a JSON Schema that is another one is found when the code comes", async () => {
  await project.installPackages("zod");
  await writeAll({
    "longest.txt": "3",
    "tasks/varies.ts": `import { readFileSync } from "node:fs";
      import { z } from "zod";
      const longest = Number(readFileSync("longest.txt", "utf8"));
      export default { payload: z.string().max(longest), handler: () => 1 };`,
  });
  await start();
  expect(await start()).toMatchObject({ late: ["varies"], different: [] });
  await writeAll({ "longest.txt": "30" });
  expect(await start()).toMatchObject({ late: ["varies"], different: ["varies"] });
  expect(await start()).toMatchObject({ late: ["varies"], different: [] });
});

test("files that the process had before it loaded tasks are imported each time", async () => {
  await writeAll({
    "lib/early.ts": "export { limit } from './limit.ts';",
    "lib/limit.ts": "export const limit = '3s';",
    "tasks/a.ts":
      "import { limit } from '../lib/early.ts'; export default { timeout: limit, handler: () => 1 };",
    "tasks/b.ts": plain,
  });
  const flags = ["--import", project.path("lib/early.ts")];
  await start({}, flags);
  expect(await start({}, flags)).toMatchObject({ late: ["b"], eager: ["a"] });
});

test("a file that can't be loaded is tried each time and keeps nobody from being known", async () => {
  await writeAll({ "tasks/a.ts": plain, "tasks/broken.ts": "export default (;" });
  const { failures } = await start();
  expect(failures).toHaveLength(1);
  const before = (await stat(manifest())).mtimeMs;
  expect(await start()).toMatchObject({ late: ["a"], failures });
  expect((await stat(manifest())).mtimeMs).toBe(before);
  await project.write("tasks/broken.ts", plain);
  expect(await start()).toMatchObject({ late: ["a"], eager: ["broken"], failures: [] });
  expect(await start()).toMatchObject({ late: ["a", "broken"] });
});

test("what was not imported this time stays known", async () => {
  await writeAll({ "tasks/a.ts": plain, "tasks/b.ts": plain });
  await start();
  await project.write("tasks/b.ts", "export default { timeout: '1s', handler: () => 1 };");
  expect(await start({ ends: true })).toMatchObject({ late: ["a"], eager: ["b"] });
  expect(await start({ ends: true })).toMatchObject({ late: ["a", "b"] });
});
