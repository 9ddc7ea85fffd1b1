/** What the compiler takes and refuses in a project that has installed taskrun. */

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { LoadFailure } from "../../src/core/catalog.ts";
import { writeTaskTypes } from "../../src/dev/write-task-types.ts";
import { repositoryDir } from "../repo/source-tree.ts";

// Each test is a run of the compiler, which a busy machine has for a minute and more.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const compiler = join(repositoryDir, "node_modules/typescript/bin/tsc");
let projectDir: string;

async function tsc(...args: string[]): Promise<string> {
  const run = promisify(execFile)(process.execPath, [compiler, ...args], { cwd: projectDir });
  return (await run.catch((error: { stdout: string }) => error)).stdout;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(projectDir, path)), { recursive: true });
  writeFileSync(join(projectDir, path), text);
}

const tasks = {
  "send_email.ts": `
    import { defineTask } from "taskrun";
    import { z } from "zod";
    export default defineTask({
      aliases: ["mail:send"],
      payload: z.object({
        to: z.string(),
        copies: z.number().default(1),
        at: z.string().transform((text) => new Date(text)),
      }),
      async handler(payload) {
        const at: Date = payload.at;
        const copies: number = payload.copies;
        return { id: \`\${payload.to} \${copies}\`, at };
      },
    });`,
  "report.ts": `
    import { defineTask } from "taskrun";
    import { z } from "zod";
    export default defineTask({
      output: z.object({ rows: z.number() }),
      handler: async (payload: { year: number }, ctx) => (ctx.attempt > 1 ? { rows: 1 } : null),
    });`,
  "billing/charge.ts": `
    export default async (payload: { amount: number }, helpers: { job: { id: string } }) => {
      helpers.job.id.trim();
      return [payload.amount];
    };`,
  "anything.ts": "export default async () => {};",
  "script.js": "export default async (payload) => [payload];",
  "old.cjs": "module.exports = async (payload) => payload;",
};

const app = `import { createClient } from "taskrun/client";
import report from "./tasks/report.SUFFIX";
import sendEmail from "./tasks/send_email.SUFFIX";
const client = createClient();
const mail = { to: "a@b.c", at: "2030-01-01" };

// Fine.
const sent = await client.enqueue("send_email", mail, { priority: "high", delay: "5m" });
await client.enqueue("mail:send", { ...mail, copies: 2 });
await client.enqueue("billing/charge", { amount: 1 });
await client.enqueue("anything");
await client.enqueue("anything", [1, "two"]);
await client.enqueue("old", { any: true });
await client.enqueue("script", { any: true });
await client.enqueue(sendEmail, mail);
await sendEmail.enqueue(mail);
await report.enqueue({ year: 2030 }, { key: "report" });
await client.with({}).enqueue("report", { year: 2030 });
await client.enqueueMany([
  { task: "send_email", payload: mail, delay: 1000 },
  { task: "anything" },
  { task: "report", payload: { year: 2030 }, key: "k" },
]);
await client.enqueueMany([1, 2].map((amount) => ({ task: "billing/charge", payload: { amount } })));
const output = await client.wait(sent);
const id: string = output.id;
const at: string = output.at;
const { rows } = await client.wait(await report.enqueue({ year: 2030 }));
const more: number = rows + 1;
const nothing: null = await client.wait(await client.enqueue("anything"));
const unknown: unknown = await client.wait("17");
const amounts: number[] = await client.wait(await client.enqueue("billing/charge", { amount: 1 }));

// Wrong.
await client.enqueue("send_emial", mail); // wrong name
await client.enqueue("send_email"); // missing payload
await client.enqueue("send_email", { to: "a@b.c" }); // missing field
await client.enqueue("send_email", { ...mail, to: 5 }); // wrong type
await client.enqueue("send_email", { to: "a@b.c", at: new Date() }); // output instead of input
await client.enqueue("send_email", { to: "a", at: "b", cc: "c" }); // unknown field
await client.enqueue("mail:send", {}); // wrong payload under an alias
await client.enqueue("billing/charge", { amount: "1" }); // wrong payload of a plain function
await client.enqueue("send_email", mail, { prio: 1 }); // unknown option
await client.enqueue("send_email", mail, { priority: "urgent" }); // wrong option
await client.enqueue(sendEmail, { to: "a@b.c" }); // missing field of an imported task
await sendEmail.enqueue({ to: "a@b.c" }); // missing field, queued by the task
await report.enqueue({ year: "2030" }); // wrong type of an imported task
await client.with({}).enqueue("report", {}); // missing field in a transaction
await client.enqueueMany([{ task: "reprot", payload: { year: 2030 } }]); // wrong name in a list
await client.enqueueMany([{ task: "report", payload: { year: "x" } }]); // wrong type in a list
await client.enqueueMany([{ task: "report" }]); // missing payload in a list
await client.enqueueMany([{ task: "report", payload: {} }]); // missing field in a list
await client.enqueueMany([{ task: "anything", prio: 1 }]); // unknown option in a list
const wrong: number = output.id; // wrong output
const missing = output.name; // unknown field of the output
export { amounts, at, id, missing, more, nothing, unknown, wrong };
`;

const strict = { strict: true, skipLibCheck: true, noEmit: true, target: "es2024", types: [] };

const configs: Record<string, { suffix: string; type?: string; options: object }> = {
  "nodenext with .ts imports": {
    suffix: "ts",
    options: { module: "nodenext", allowImportingTsExtensions: true },
  },
  "nodenext with .js imports": { suffix: "js", options: { module: "nodenext" } },
  "a bundler's resolution": {
    suffix: "ts",
    options: { module: "esnext", moduleResolution: "bundler", allowImportingTsExtensions: true },
  },
  "exact optional properties and checked libraries": {
    suffix: "js",
    options: {
      module: "nodenext",
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      types: ["node"],
    },
  },
  "JavaScript allowed": { suffix: "js", options: { module: "nodenext", allowJs: true } },
};

beforeAll(async () => {
  mkdirSync(join(repositoryDir, ".taskrun"), { recursive: true });
  projectDir = mkdtempSync(join(repositoryDir, ".taskrun/types-"));
  write("package.json", '{ "type": "module" }');
  const installed = join(projectDir, "node_modules/taskrun");
  mkdirSync(installed, { recursive: true });
  cpSync(join(repositoryDir, "package.json"), join(installed, "package.json"));
  const build = join(repositoryDir, "tsconfig.build.json");
  await tsc("-p", build, "--emitDeclarationOnly", "--outDir", join(installed, "dist"));
  for (const [path, text] of Object.entries(tasks)) write(`tasks/${path}`, text);
});

afterAll(() => rmSync(projectDir, { recursive: true, force: true }));

async function writeTypes(): Promise<void> {
  const aliases: Record<string, string[]> = { "send_email.ts": ["mail:send"] };
  const loaded = Object.keys(tasks).map((path) => {
    const name = path.replace(/\.\w+$/, "");
    const file = join(projectDir, "tasks", path);
    return [name, { name, file, aliases: aliases[path] ?? [] }] as const;
  });
  // The catalog of these files, as far as the types need it.
  const catalog = { tasks: new Map(loaded), failures: [] as LoadFailure[] };
  await writeTaskTypes({ projectDir, catalog: catalog as never });
}

/** Compiles the app; its faulty lines as they are written, with what the compiler says. */
async function complaints(
  suffix: string,
  options: object,
  prepare = async () => {},
): Promise<Record<string, string>> {
  const compilerOptions = { ...strict, ...options };
  write("tsconfig.json", JSON.stringify({ compilerOptions, include: ["app.ts", "*.d.ts"] }));
  await prepare();
  const source = app.replaceAll("SUFFIX", suffix);
  write("app.ts", source);
  const found: Record<string, string> = {};
  for (const line of (await tsc("-p", ".", "--pretty", "false")).split("\n")) {
    const [, file, number, message] = /^(\S.*?)\((\d+),\d+\): error (.*)$/.exec(line) ?? [];
    if (file === undefined) continue;
    const text = file === "app.ts" ? source.split("\n")[Number(number) - 1] : undefined;
    found[text?.replace(/^.*\/\/ /, "") ?? `${file}:${number}`] ??= message ?? "";
  }
  return found;
}

const wrongLines = app
  .slice(app.indexOf("// Wrong."))
  .split("\n")
  .slice(1)
  .flatMap((line) => / \/\/ (.*)$/.exec(line)?.[1] ?? []);

describe.each(Object.entries(configs))("with %s", (_name, { suffix, options }) => {
  test("each wrong line is refused, and no other", async () => {
    const found = await complaints(suffix, options, writeTypes);
    expect(Object.keys(found).toSorted()).toEqual(wrongLines.toSorted());
    expect(found["wrong name"]).toContain('"send_emial"');
    expect(found["missing field"]).toContain("'at' is missing");
  });
});

test("without generated types every name and payload is taken, imported tasks are checked", async () => {
  rmSync(join(projectDir, "taskrun-env.d.ts"), { force: true });
  const found = await complaints("js", { module: "nodenext" });
  expect(Object.keys(found)).toContain("missing field of an imported task");
  expect(Object.keys(found)).toContain("unknown option");
  expect(found).not.toHaveProperty("wrong name");
  expect(found).not.toHaveProperty("missing field in a list");
});
