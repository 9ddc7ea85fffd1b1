import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";

const repositoryDir = resolve(import.meta.dirname, "../../..");

const newFiles = [
  "package.json",
  "tsconfig.json",
  "crontab",
  "worker.config.ts",
  ".gitignore",
  "tasks/hello.ts",
  "test/hello.test.ts",
];

const init = (project: TaskProject, ...words: string[]) =>
  runCli(["init", ...words], { cwd: project.dir });

test("an empty folder becomes a project whose task, check, tests and types pass", async () => {
  await using project = await TaskProject.of({});
  const made = await init(project, "--yes");
  expect(made).toMatchObject({ code: 0, stdout: "" });
  expect(linesOf(made.stderr)).toEqual(newFiles.map((file) => `created  ${file}`));
  expect(made.stderr).toContain("Next: `npm install`, then `npx taskrun --watch`.");

  // What `npm install` would do.
  const manifest = JSON.parse(await readFile(project.path("package.json"), "utf8"));
  await project.link("node_modules/taskrun", repositoryDir);
  await project.installPackages("zod", "vitest", "typescript", "@types/node");
  const [, folder] = manifest.dependencies.taskrun.split("file:");
  expect(resolve(project.dir, folder)).toBe(repositoryDir);

  const check = await runCli(["check"], { cwd: project.dir });
  expect(check).toMatchObject({ code: 0 });
  expect(check.stderr).toContain("No faults: the configuration, 1 task.");
  expect((await runCli(["types"], { cwd: project.dir })).code).toBe(0);
  await runTool(project, "typescript/bin/tsc", "--customConditions", "taskrun-source");
  const report = project.path("report.json");
  await runTool(project, "vitest/vitest.mjs", "run", "--reporter=json", `--outputFile=${report}`);
  const tested = JSON.parse(await readFile(report, "utf8"));
  expect(tested).toMatchObject({ success: true, numPassedTests: 2 });
});

test("an existing project keeps its files and gets what is missing", async () => {
  const manifest = {
    name: "shop",
    scripts: { test: "jest", start: "node server.js" },
    devDependencies: { zod: "^4.0.0" },
  };
  const files = {
    "package.json": JSON.stringify(manifest, null, "\t"),
    "tsconfig.json": "{}",
    ".gitignore": "node_modules\n*.log",
    "worker.config.js": "export default {};",
    "tasks/billing/charge.ts": "export default async () => 1;",
  };
  await using project = await TaskProject.of(files);
  const made = await init(project, "-y");
  expect(made.code).toBe(0);
  expect(linesOf(made.stderr)).toEqual([
    expect.stringMatching(
      /^changed {2}package.json: added scripts dev, check, types; dependencies taskrun; devD/,
    ),
    "kept     tsconfig.json",
    "created  crontab",
    "kept     worker.config.js",
    "changed  .gitignore: added .taskrun/; .env",
    "kept     tasks/: has 1 task",
  ]);
  expect(await readFile(project.path(".gitignore"), "utf8")).toBe(
    "node_modules\n*.log\n.taskrun/\n.env\n",
  );
  const text = await readFile(project.path("package.json"), "utf8");
  expect(text).toContain('\n\t"scripts"');
  const after = JSON.parse(text);
  expect(after.scripts).toMatchObject({ ...manifest.scripts, dev: "taskrun --watch" });
  expect(after.devDependencies).toMatchObject(manifest.devDependencies);
  expect(after.devDependencies).not.toHaveProperty("vitest");
  expect(after.dependencies).not.toHaveProperty("zod");
  for (const path of ["tsconfig.json", "worker.config.js", "tasks/billing/charge.ts"] as const) {
    expect(await readFile(project.path(path), "utf8"), path).toBe(files[path]);
  }

  const again = await init(project);
  expect(again.code).toBe(0);
  expect(again.stderr).toContain("Nothing was missing.");
  expect(await readFile(project.path("package.json"), "utf8")).toBe(text);
});

test("a folder that isn't there is made", async () => {
  await using project = await TaskProject.of({});
  const made = await init(project, "jobs/nightly", "--yes");
  expect(made.stderr).toContain("Next: `cd jobs/nightly`, then `npm install`");
  const text = await readFile(project.path(join("jobs/nightly", "package.json")), "utf8");
  expect(JSON.parse(text)).toMatchObject({ name: "nightly", type: "module", private: true });
});

test("without a terminal to ask on, --yes is needed", async () => {
  await using project = await TaskProject.of({});
  const refused = await init(project);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("Run `taskrun init --yes`");
  await expect(readFile(project.path("package.json"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("a package.json that can't be read stops it before anything is written", async () => {
  await using project = await TaskProject.of({ "package.json": '{ "name": ' });
  const refused = await init(project, "--yes");
  expect(refused.code).toBe(78);
  expect(refused.stderr).toContain("package.json can't be extended: ");
  await expect(readFile(project.path("crontab"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("a file is no folder", async () => {
  await using project = await TaskProject.of({ notes: "" });
  const refused = await init(project, "notes", "--yes");
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toContain("notes is a file");
});

function linesOf(text: string): string[] {
  return [...text.matchAll(/^ {2}((?:created|changed|kept) .*)$/gm)].map(([, line]) => line ?? "");
}

/** Rejects unless it exits with 0. */
async function runTool(project: TaskProject, script: string, ...words: string[]): Promise<void> {
  const path = join(repositoryDir, "node_modules", script);
  const names = Object.keys(process.env).filter((name) => !/^(VITEST|NODE_ENV)/.test(name));
  const env = Object.fromEntries(names.map((name) => [name, process.env[name]]));
  await promisify(execFile)(process.execPath, [path, ...words], {
    cwd: project.dir,
    env,
  });
}
