/**
 * How a file looks: its name, its header, its casts, its test. What the linter keeps (lengths,
 * cycles, `any`, console, default exports) is in biome.json and not repeated here.
 */

import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { type HouseRule, keepRule } from "./house-rule.ts";
import {
  listFiles,
  readSourceTree,
  repositoryDir,
  type SourceFile,
  type SyntaxNode,
  walk,
} from "./source-tree.ts";

/** Files that are named for what their exports have in common, and what that is. */
const namedForAFamily: Readonly<Record<string, string>> = {
  "src/cli/output.ts": "the ways to print",
  "src/dashboard/schema-form/field-inputs.tsx": "the inputs of a form",
  "src/dashboard/schema-form/form-value.ts": "what becomes of a form's value",
  "src/store/queue/changed-job-ids.ts": "ids of jobs that may have changed",
  "src/core/task-errors.ts": "the errors that handlers throw on purpose",
  "src/store/dependencies.ts": "what jobs that wait for others need to know",
};

/** Files without a test of the same path → the test that they are covered by. */
const testedBy: Readonly<Record<string, string>> = {
  "src/dashboard/app-context.ts": "test/browser/dashboard.test.ts",
  "src/dashboard/appearance/theme.ts": "test/browser/appearance.test.ts",
  "src/dashboard/keyboard/keyboard.ts": "test/browser/keyboard.test.ts",
  "src/dashboard/live/live-feed.ts": "test/browser/dashboard.test.ts",
  "src/dashboard/routing/go-to.ts": "test/browser/dashboard.test.ts",
  "src/store/explain/end-rules.ts": "test/store/explain.test.ts",
  "src/store/explain/gate-rules.ts": "test/store/explain.test.ts",
  "src/store/explain/rule.ts": "test/store/explain.test.ts",
  "src/store/explain/turn-rules.ts": "test/store/explain.test.ts",
  "src/cli/look-commands.ts": "test/cli/command-table.test.ts",
  "src/cli/parse-with-help.ts": "test/cli/parse-command-line.test.ts",
  "src/store/logs.ts": "test/runtime/settling/log-writer.test.ts",
  "src/store/queue/may-be-due.ts": "test/store/look-around.test.ts",
  "src/store/queue/count-queued.ts": "test/store/task-stats.test.ts",
  "src/store/queue/list-unnamed-failures.ts": "test/store/error-groups.test.ts",
  "src/store/queue/changed-job-ids.ts": "test/store/job-changes.test.ts",
  "src/store/queue/read-running.ts": "test/store/live-view.test.ts",
  "src/store/queue/read-situation.ts": "test/store/explain.test.ts",
  "src/store/queue/list-job-ids.ts": "test/store/jobs.test.ts",
  "src/store/queue/settle-others.ts": "test/store/queue/settle.test.ts",
  "src/store/queue/settlement.ts": "test/store/queue/settle.test.ts",
  "src/discovery/endless-import-error.ts": "test/dev/graph-loader.test.ts",
  "src/discovery/import-one-by-one.ts": "test/discovery/import-watchdog.test.ts",
  "src/discovery/import-watchdog-thread.ts": "test/discovery/import-watchdog.test.ts",
  "src/runtime/presence/beat-thread.ts": "test/runtime/presence/presence.test.ts",
  "src/runtime/isolation/handler-thread.ts": "test/runtime/isolation/handler-threads.test.ts",
  "src/runtime/isolation/task-thread.ts": "test/runtime/isolation/handler-threads.test.ts",
  "src/runtime/isolation/thread-attempt.ts": "test/runtime/isolation/handler-threads.test.ts",
  "src/runtime/presence/blocked-stack.ts": "test/runtime/presence/loop-watch.test.ts",
  "src/runtime/steps/database-journal.ts": "test/runtime/steps/steps.test.ts",
  "src/runtime/steps/memory-journal.ts": "test/testing/run-task.test.ts",
  "src/runtime/attempt/run-limited.ts": "test/runtime/steps/compensate-steps.test.ts",
  "src/runtime/create-shared.ts": "test/runtime/create-runtime.test.ts",
  "src/runtime/create-parts.ts": "test/runtime/create-runtime.test.ts",
  "src/runtime/create-presence.ts": "test/runtime/create-runtime.test.ts",
  "src/runtime/create-attempt-services.ts": "test/runtime/create-runtime.test.ts",
  "src/runtime/holding-back/tell-gate-changes.ts": "test/runtime/holding-back/gates.test.ts",
  "src/store/queue/take-picked.ts": "test/store/queue/fetch.test.ts",
  "src/cli/gate-commands.ts": "test/cli/command-table.test.ts",
  "src/cli/http-commands.ts": "test/cli/command-table.test.ts",
  "src/cli/start-alone.ts": "test/cli/commands/run.test.ts",
  "src/cli/serve-http.ts": "test/cli/commands/serve.test.ts",
  "src/cli/commands/run-alone.ts": "test/cli/commands/run.test.ts",
  "src/cli/processes/child.ts": "test/cli/commands/run-processes.test.ts",
  "src/cli/processes/child-entry.ts": "test/cli/commands/run-processes.test.ts",
  "src/cli/processes/report-process.ts": "test/cli/commands/run-processes.test.ts",
  "src/cli/processes/run-child.ts": "test/cli/commands/run-processes.test.ts",
  "src/cli/processes/supervision.ts": "test/cli/commands/run-processes.test.ts",
  "src/cli/processes/supervisor.ts": "test/cli/commands/run-processes.test.ts",
  "src/http/http-error.ts": "test/http/problem.test.ts",
  "src/http/add-reference.ts": "test/http/reference-page.test.ts",
  "src/store/idempotency.ts": "test/http/create-task.test.ts",
  "src/http/add-api.ts": "test/http/create-fastify.test.ts",
  "src/http/create-api.ts": "test/http/start-http-server.test.ts",
  "src/http/host-gate.ts": "test/http/taskrun-http.test.ts",
  "src/store/queue/count-failed.ts": "test/http/metrics.test.ts",
  "src/http/api-options.ts": "test/http/create-fastify.test.ts",
  "src/http/gate.ts": "test/http/gatekeeper.test.ts",
  "src/http/sign-in.ts": "test/http/routes/session-routes.test.ts",
  "src/http/trusted-proxies.ts": "test/http/add-ui.test.ts",
  "src/store/accounts.ts": "test/http/routes/account-routes.test.ts",
  "src/store/change-feed.ts": "test/http/event-hub.test.ts",
  "src/store/sessions.ts": "test/http/routes/session-routes.test.ts",
  "src/http/http-route.ts": "test/http/create-fastify.test.ts",
  "src/http/payload-issues.ts": "test/http/create-task.test.ts",
  "src/http/routes/all-routes.ts": "test/http/gatekeeper.test.ts",
  "src/http/task-shape.ts": "test/http/routes/task-routes.test.ts",
  "src/http/task-view.ts": "test/http/routes/task-routes.test.ts",
  "src/cli/operation-commands.ts": "test/cli/command-table.test.ts",
  "src/cli/shared-flags.ts": "test/cli/command-table.test.ts",
  "src/runtime/fetching/fetchable-tasks.ts": "test/runtime/fetching/job-fetcher.test.ts",
  "src/core/module-scope.ts": "test/dev/graph-loader.test.ts",
  "src/core/process-wide.ts": "test/dev/graph-loader.test.ts",
  "src/dev/catalog-changes.ts": "test/dev/graph-loader.test.ts",
  "src/dev/changed-files.ts": "test/dev/graph-loader.test.ts",
  "src/dev/modules/evaluate-records.ts": "test/dev/graph-loader.test.ts",
  "src/dev/modules/file-contents.ts": "test/dev/graph-loader.test.ts",
  "src/dev/modules/module-factory.ts": "test/dev/graph-loader.test.ts",
  "src/dev/modules/module-format.ts": "test/dev/graph-loader.test.ts",
  "src/dev/modules/module-linker.ts": "test/dev/graph-loader.test.ts",
  "src/dev/modules/module-record.ts": "test/dev/graph-loader.test.ts",
  "src/dev/modules/module-sources.ts": "test/dev/graph-loader.test.ts",
  "src/dev/modules/native-modules.ts": "test/dev/graph-loader.test.ts",
  "src/dev/modules/package-lookup.ts": "test/dev/graph-loader.test.ts",
  "src/dev/modules/project-modules.ts": "test/dev/graph-loader.test.ts",
  "src/dev/modules/project-resolver.ts": "test/dev/graph-loader.test.ts",
  "src/dev/modules/reimported-modules.ts": "test/dev/native-reload-loader.test.ts",
  "src/dev/modules/source-positions.ts": "test/dev/graph-loader.test.ts",
  "src/dev/task-table.ts": "test/dev/graph-loader.test.ts",
  "src/dev/task-versions.ts": "test/dev/graph-loader.test.ts",
  "src/dev/watch-session.ts": "test/cli/commands/run-watch.test.ts",
  "src/dev/postgres/cluster.ts": "test/dev/embedded-postgres.test.ts",
  "src/dev/postgres/ensure-application-database.ts": "test/dev/embedded-postgres.test.ts",
  "src/dev/postgres/launch-supervisor.ts": "test/dev/embedded-postgres.test.ts",
  "src/dev/postgres/postgres-server.ts": "test/dev/embedded-postgres.test.ts",
  "src/dev/postgres/supervisor-client.ts": "test/dev/embedded-postgres.test.ts",
  "src/dev/postgres/supervisor-process.ts": "test/dev/embedded-postgres.test.ts",
  "src/dev/postgres/supervisor.ts": "test/dev/embedded-postgres.test.ts",
  "src/runtime/warm-start/known-start.ts": "test/runtime/warm-start/warm-loader.test.ts",
  "src/runtime/warm-start/late-task.ts": "test/runtime/warm-start/task-facts.test.ts",
  "src/runtime/warm-start/make-manifest.ts": "test/runtime/warm-start/warm-loader.test.ts",
  "src/runtime/warm-start/start-conditions.ts": "test/runtime/warm-start/warm-loader.test.ts",
  "src/runtime/settling/write-batch.ts": "test/runtime/settling/settle.test.ts",
};

const foldersByKind = ["utils", "helpers", "lib", "common", "types", "interfaces", "services"];

const rules: HouseRule[] = [
  {
    fact: "a file is named after one of its exports",
    fix: "name it like its main export in kebab-case (createRuntime: create-runtime.ts); a leading verb or a qualifier may be left out (context.ts: TaskContext)",
    find: (file) =>
      isNamedAfterAnExport(file) ? [] : [`${file.path}: ${file.exports.join(", ")}`],
    broken: ["src/core/strings.ts", "export function trim() {} export interface Trimmed {}"],
  },
  {
    fact: "a file opens with a comment that says what it owns",
    fix: "start it with /** what this file owns, and what it refuses */",
    find: (file) => (/^(#![^\n]*\n)?\/[*/]/.test(file.text) ? [] : [file.path]),
    broken: ["src/core/x.ts", 'import "./a.ts"; // and now a comment'],
  },
  {
    fact: "a cast says why",
    fix: "narrow by a check, or put `// why: …` on the same line or the one before",
    find: (file) => castsWithoutReason(file),
    broken: ["src/core/x.ts", "const a = (b as const)[0]\n// because\nconst c = b as Job;"],
  },
  {
    fact: "nothing at the top of a module changes over time",
    fix: "keep the state in a class or closure that somebody starts and stops",
    find: (file) => mutableAtTop(file),
    broken: ["src/core/x.ts", "const seen = new Map(); let count = 0;"],
  },
];

const source = readSourceTree("src");

describe("every file of src/", () => {
  for (const rule of rules) keepRule(rule, source);

  test("has a test of the same path", () => {
    const untested = source.filter(
      (file) =>
        !(file.typesOnly || file.barrel || file.path in testedBy || isSeenOnly(file.path)) &&
        !existsSync(join(repositoryDir, testOf(file.path))),
    );
    expect(
      untested.map((file) => `${file.path} has no ${testOf(file.path)}`),
      "write the test, or name the test that covers it in `testedBy`",
    ).toEqual([]);
  });

  test("that is excused exists and needs the excuse", () => {
    const exists = (path: string): boolean => existsSync(join(repositoryDir, path));
    const found = [
      ...Object.keys(namedForAFamily).filter((path) => !exists(path)),
      ...Object.entries(testedBy).flatMap(([path, cover]) =>
        exists(path) && exists(cover) && !exists(testOf(path)) ? [] : [`${path}: ${cover}`],
      ),
    ];
    expect(found, "take it off the list, or mend the path").toEqual([]);
  });
});

describe("every file written by hand", () => {
  const written = ["src", "test", "bench", "bin", "tasks", "docs"].flatMap((folder) =>
    listFiles(folder, [".ts", ".tsx", ".css", ".js", ".sql", ".sh", ".md"]),
  );

  test("is in a folder named for its domain", () => {
    const found = written.filter((path) =>
      dirname(path)
        .split("/")
        .some((folder) => foldersByKind.includes(folder)),
    );
    expect(found, `no folder is called ${foldersByKind.join(", ")}`).toEqual([]);
  });

  test("has lines of at most 100 characters", () => {
    const found = written
      .filter((path) => !path.endsWith(".md"))
      .flatMap((path) =>
        linesOf(path).flatMap((line, index) =>
          breakableLength(line) > 100 ? [`${path}:${index + 1}`] : [],
        ),
      );
    expect(
      found,
      "break the line, or put its comment on the line before; only a string may be longer",
    ).toEqual([]);
  });

  test("leaves nothing to do later", () => {
    const marker = new RegExp(`\\b(?:${["TO", "FIX"].join("DO|")}ME)\\b`);
    const found = written.flatMap((path) =>
      linesOf(path).flatMap((line, index) => (marker.test(line) ? [`${path}:${index + 1}`] : [])),
    );
    expect(found, "do it, or open an issue").toEqual([]);
  });
});

test("a test under test/ that mirrors a room of src/ has its file there", () => {
  const rooms = new Set(source.map((file) => file.path.split("/")[1] ?? ""));
  const found = listFiles("test", [".test.ts"]).filter((path) => {
    const inRoom = rooms.has(path.split("/")[1] ?? "");
    return inRoom && !existsSync(join(repositoryDir, sourceOf(path)));
  });
  expect(found, "move the test beside the new path of what it tests").toEqual([]);
});

/** The file's name, hyphens and plural left out, is part of the name of one of its exports. */
function isNamedAfterAnExport(file: SourceFile): boolean {
  const name = basename(file.path)
    .replace(/\.tsx?$/, "")
    .replaceAll("-", "");
  if (name === "index" || file.path in namedForAFamily) return true;
  const forms = [name, name.replace(/s$/, ""), name.replace(/es$/, "")];
  return file.exports.some((each) => forms.some((form) => each.toLowerCase().includes(form)));
}

function castsWithoutReason(file: SourceFile): string[] {
  const reasons = file.comments.filter(({ text }) => /^\s*why: \S/.test(text));
  const reasonLines = new Set(reasons.map(({ line }) => line));
  const found: string[] = [];
  walk(file.program, (node) => {
    if (node.type !== "TSAsExpression" && node.type !== "TSTypeAssertion") return;
    const type = node.typeAnnotation as SyntaxNode; // why: both node kinds have one
    if (file.text.slice(type.start, type.end) === "const") return;
    const [first, last] = [file.lineAt(node.start), file.lineAt(node.end)];
    for (let line = first - 1; line <= last; line++) if (reasonLines.has(line)) return;
    found.push(`${file.path}:${last}`);
  });
  return found;
}

function mutableAtTop(file: SourceFile): string[] {
  const found: string[] = [];
  for (const statement of file.program.body as SyntaxNode[]) {
    // why: a program's body is its statements
    const declared = (statement.declaration ?? statement) as SyntaxNode; // why: exports wrap one
    if (declared.type !== "VariableDeclaration") continue;
    const text = file.text.slice(declared.start, declared.end);
    const grows = /=\s*(new (Map|Set|WeakMap|WeakSet)\b[^(]*\(\)|\[\]|\{\})\s*;?$/.test(text);
    if (declared.kind !== "const" || grows)
      found.push(`${file.path}:${file.lineAt(declared.start)}`);
  }
  return found;
}

/** What only a browser can try: the components, and what hangs on one. test/browser opens each. */
function isSeenOnly(path: string): boolean {
  return path.startsWith("src/dashboard/") && (path.endsWith(".tsx") || /\/use-[^/]+$/.test(path));
}

function testOf(path: string): string {
  return path.replace(/^src\//, "test/").replace(/\.ts$/, ".test.ts");
}

function sourceOf(path: string): string {
  return path.replace(/^test\//, "src/").replace(/\.test\.ts$/, ".ts");
}

function linesOf(path: string): string[] {
  return readFileSync(join(repositoryDir, path), "utf8").split("\n");
}

/** As long as it is for the formatter, which can't break a string or a regular expression. */
function breakableLength(line: string): number {
  return [...line.replace(/(["'`]).*\1|https?:\/\/\S+|\/\^.*\$\//g, "")].length;
}
