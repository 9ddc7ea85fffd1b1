/** The rules that biome.json keeps for the house are really on: each is broken here once. */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repositoryDir } from "./source-tree.ts";

const statements = (count: number): string => "  call();\n".repeat(count);

/** Rule → a file that breaks it, and where in the house that file would be. */
const broken: Readonly<Record<string, readonly [path: string, text: string]>> = {
  "lint/suspicious/noExplicitAny": ["src/any.ts", "export const a: any = 1;\n"],
  "lint/suspicious/noConsole": ["src/cli/tell.ts", 'console.error("hello");\n'],
  "lint/style/noDefaultExport": ["src/default.ts", "export default 1;\n"],
  "lint/style/noNonNullAssertion": ["src/sure.ts", "export const b = [1][0]!;\n"],
  "lint/style/useImportType": [
    "src/types-only.ts",
    'import { C } from "./any.ts";\nexport let c: C;\n',
  ],
  "lint/style/noExcessiveLinesPerFile": ["src/long-file.ts", "export const d = 1;\n".repeat(301)],
  "lint/complexity/noExcessiveLinesPerFunction": [
    "src/long-function.ts",
    `export function outer() {\n  const inner = () => {\n${statements(70)}  };\n  inner();\n}\n`,
  ],
  "lint/suspicious/noImportCycles": [
    "src/cycle.ts",
    'import type { Back } from "./back.ts";\nexport type Cycle = Back;\n',
  ],
  format: ["src/format.ts", "export const   e = 'f'\n"],
};

const alsoThere = {
  "src/back.ts": 'import type { Cycle } from "./cycle.ts";\nexport type Back = Cycle;\n',
  "src/cli/output.ts": 'console.error("the one place");\n',
};

let folder: string;
let found: { category: string; path: string }[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "taskrun-linter-"));
  const config = JSON.parse(readFileSync(join(repositoryDir, "biome.json"), "utf8"));
  config.vcs.enabled = false; // The folder is no git checkout.
  const files = { ...Object.fromEntries(Object.values(broken)), ...alsoThere };
  for (const [path, text] of [...Object.entries(files), ["biome.json", JSON.stringify(config)]]) {
    mkdirSync(dirname(join(folder, path ?? "")), { recursive: true });
    writeFileSync(join(folder, path ?? ""), text ?? "");
  }
  found = await runLinter(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(Object.entries(broken))("%s is an error", (rule, [path]) => {
  const rules = found.filter((each) => each.path === path).map((each) => each.category);
  expect(rules, `biome.json no longer forbids what ${path} does`).toContain(rule);
});

test("src/cli/output.ts may use the console", () => {
  expect(found.filter(({ path }) => path === "src/cli/output.ts")).toEqual([]);
});

async function runLinter(cwd: string): Promise<typeof found> {
  const command = join(repositoryDir, "node_modules/@biomejs/biome/bin/biome");
  const args = [command, "check", "--reporter=json", "--max-diagnostics=none", "."];
  const failure = await promisify(execFile)(process.execPath, args, { cwd }).then(
    () => ({ stdout: '{"diagnostics":[]}' }),
    (error: { stdout: string }) => error,
  );
  const { diagnostics } = JSON.parse(failure.stdout);
  return diagnostics
    .filter(({ severity }: { severity: string }) => severity === "error")
    .map(({ category, location }: { category: string; location: { path: string } }) => ({
      category,
      path: location.path,
    }));
}
