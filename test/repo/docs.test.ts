/** What the documentation says about codes, options and commands is what the code says. */

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { oldestPostgres } from "../../src/cli/check-usable.ts";
import { exitCodeMeanings, exitCodes } from "../../src/cli/exit-codes.ts";
import { environmentName, flagName, optionNames, optionSpec } from "../../src/config/schema.ts";
import { defaultsOptions } from "../../src/core/check-definition.ts";
import { errorCatalogue } from "../../src/core/errors.ts";
import { pluginEvents } from "../../src/core/plugin.ts";
import { listFiles, parseSource, repositoryDir, type SyntaxNode, walk } from "./source-tree.ts";

const read = (path: string): string => readFileSync(join(repositoryDir, path), "utf8");

const pages = [
  ...listFiles("docs", [".md"]),
  "README.md",
  "CHANGELOG.md",
  "ARCHITECTURE.md",
].filter((path) => existsSync(join(repositoryDir, path)));

test("docs/errors.md explains every code of a TaskrunError, and no other", () => {
  const explained = headingsUnder("docs/errors.md", "Codes of `TaskrunError`");
  expect(explained, "mend docs/errors.md").toEqual(Object.keys(errorCatalogue));
});

test("docs/errors.md explains every reason why a file can't be loaded, and no other", () => {
  const explained = headingsUnder("docs/errors.md", "Files that can't be loaded");
  expect(explained, "mend docs/errors.md").toEqual(loadFailureCodes());
});

test("docs/errors.md lists every exit code with its meaning", () => {
  const rows = Object.entries(exitCodeMeanings).map(
    ([name, meaning]) => `| ${exitCodes[name as keyof typeof exitCodes]} | ${meaning} |`,
  );
  expect(sectionOf("docs/errors.md", "Exit codes of the command")).toContain(rows.join("\n"));
});

test("docs/configuration.md lists every option as the schema has it, and no other", () => {
  const listed = read("docs/configuration.md").match(/^\| `.*$/gm);
  expect(listed, "copy the rows from the difference").toEqual(optionNames.map(optionRow));
});

test("the commands that the documentation shows exist", async () => {
  const { scripts } = JSON.parse(read("package.json"));
  const commands = listFiles("src/cli/commands", [".ts"]).map((path) =>
    posix.basename(path, ".ts"),
  );
  const unknown = pages.flatMap((page) =>
    codeOf(page).flatMap((code) => [
      ...[...code.matchAll(/\bnpm run ([\w:-]+)/g)]
        .filter(([, name]) => !(name !== undefined && name in scripts))
        .map(([command]) => `${page}: ${command}`),
      ...[...code.matchAll(/(?:\bnpx |^|\$ |`)taskrun ([a-z][\w-]*)/gm)]
        .filter(([, name]) => !(name !== undefined && commands.includes(name)))
        .map(([command]) => `${page}: ${command.trim()}`),
    ]),
  );
  expect(unknown, "mend the page").toEqual([]);
});

test("README.md names the oldest Postgres that is let in", () => {
  expect(read("README.md")).toContain(`Postgres ${oldestPostgres} or newer`);
});

test("docs/plugins.md lists every event that a plugin may listen to, and no other", () => {
  const rows = sectionOf("docs/plugins.md", "Events").match(/^\| `.*?(?= \|)/gm) ?? [];
  const listed = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  expect(listed).toEqual(pluginEvents);
});

test("docs/tasks.md names every option that a folder may set, and no other", () => {
  const [, list = ""] =
    /^`_defaults\.ts` sets ([^;]+?) for the tasks/m.exec(sectionOf("docs/tasks.md", "Folders")) ??
    [];
  const named = [...list.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  expect(named).toEqual(defaultsOptions);
});

test("addresses in examples are such as a task with z.email() takes", () => {
  const refused = pages.flatMap((page) =>
    codeOf(page)
      .flatMap((code) => code.match(/(?<=["'])[^"'\s@:/]+@[^"'\s@/]+(?=["'])/g) ?? [])
      .filter((address) => !z.email().safeParse(address).success)
      .map((address) => `${page}: ${address}`),
  );
  expect(refused, "whoever follows the page is refused: take a@b.co").toEqual([]);
});

test("links between the pages lead somewhere", () => {
  const dead = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map(([, target]) => posix.join(posix.dirname(page), target ?? ""))
      .filter((target) => !existsSync(join(repositoryDir, target)))
      .map((target) => `${page}: ${target}`),
  );
  expect(dead, "mend the link").toEqual([]);
});

test("TypeScript in the documentation compiles against the public doors", async () => {
  const blocks = pages.flatMap((page) =>
    [...read(page).matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code], index) => ({
      file: `${page.replaceAll("/", "-")}-${index + 1}.ts`,
      code: code ?? "",
    })),
  );
  expect(blocks.length).toBeGreaterThan(0);
  expect(await compile(blocks), "mend the code in the page that the file's name says").toBe("");
});

function headingsUnder(page: string, section: string): string[] {
  return [...sectionOf(page, section).matchAll(/^### `([^`]+)`/gm)].map(([, code]) => code ?? "");
}

function sectionOf(page: string, title: string): string {
  const section = read(page)
    .split(/^(?=## )/m)
    .find((part) => part.startsWith(`## ${title}\n`));
  if (section === undefined) throw new Error(`${page} has no section "${title}"`);
  return section;
}

/** Fenced blocks and inline code: prose may speak of what doesn't exist. */
function codeOf(page: string): string[] {
  return [...read(page).matchAll(/^```\w*\n[\s\S]*?^```$|`[^`\n]+`/gm)].map(([code]) => code);
}

/** They are a type only, so they are read from the source. */
function loadFailureCodes(): string[] {
  const codes: string[] = [];
  const { program } = parseSource("src/core/catalog.ts", read("src/core/catalog.ts"));
  walk(program, (node) => {
    const declared = node.id as { name?: string } | undefined; // why: a type alias has a named id
    if (node.type !== "TSTypeAliasDeclaration" || declared?.name !== "LoadFailureCode") return;
    walk(node, (part: SyntaxNode) => {
      if (part.type === "Literal") codes.push(String(part.value));
    });
  });
  return codes;
}

function optionRow(name: (typeof optionNames)[number]): string {
  const { default: value, sentence } = optionSpec(name);
  const [flag, environment] = [flagName(name), environmentName(name)];
  const cells = [
    `\`${name}\``,
    value === null ? "none" : `\`${JSON.stringify(value)}\``,
    flag === null ? "" : `\`--${flag}\``,
    environment === null ? "" : `\`${environment}\``,
    sentence,
  ];
  return `| ${cells.join(" | ")} |`;
}

/** The compiler's complaints; "" for none. Inside the repository, so that "taskrun" is found. */
async function compile(blocks: readonly { file: string; code: string }[]): Promise<string> {
  mkdirSync(join(repositoryDir, ".taskrun"), { recursive: true });
  const folder = mkdtempSync(join(repositoryDir, ".taskrun/docs-"));
  try {
    for (const { file, code } of blocks) writeFileSync(join(folder, file), code);
    const config = {
      extends: "../../tsconfig.json",
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: ["*.ts"],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const compiler = join(repositoryDir, "node_modules/typescript/bin/tsc");
    const result = await promisify(execFile)(process.execPath, [compiler, "-p", folder]).catch(
      (error: { stdout: string }) => error,
    );
    return result.stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
