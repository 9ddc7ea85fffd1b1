/** Files under the tasks folder: their names, what they export, and texts that are no module. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { parseTask } from "../../src/discovery/parse-task.ts";
import { scan } from "../../src/discovery/scan.ts";
import { maxNameLength, taskName, taskPath } from "../../src/discovery/task-name.ts";
import { TaskProject } from "../support/task-project.ts";
import { hostileOptions, hostileText, hostileValue } from "./support/hostile.ts";
import { knockAt } from "./support/knock-at.ts";

const part = fc.oneof(
  { weight: 3, arbitrary: fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/) },
  { weight: 2, arbitrary: hostileText },
  { weight: 1, arbitrary: fc.constantFrom("..", ".", "_x", ".git", "node_modules", "a.b", "a b") },
);
const ending = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(".ts", ".js", ".mjs", ".cjs", ".mts", ".tsx") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("", ".d.ts", ".test.ts", ".md", ".ts~", "..ts", ".ts.swp", ".TS"),
  },
);
const filePath = fc
  .tuple(fc.array(part, { minLength: 1, maxLength: 4 }), ending)
  .map(([parts, end]) => parts.join("/") + end);

test("file names", async () => {
  await knockAt({
    door: "file names",
    inputs: filePath,
    few: 500,
    knock(path) {
      const meaning = taskName(path);
      if (meaning.kind === "bad-name") return `${meaning.reason} ${meaning.fix}`;
      if (meaning.kind === "task") {
        expect(meaning.name).toMatch(/^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)*$/);
        expect(meaning.name.length).toBeLessThanOrEqual(maxNameLength);
        expect(taskName(taskPath(meaning.name))).toEqual(meaning);
      }
      return null;
    },
    speaksOf: () => /can't be part of a task's name.*(Rename|put "_")|characters.*Shorten/s,
  });
});

test("files of any name on the disk", async () => {
  const full = inject("fuzz") !== undefined;
  const batch = full ? 500 : 100;
  for (let seed = 1; seed <= (full ? 20 : 1); seed += 1) {
    const dir = await mkdtemp(join(tmpdir(), "fuzz-"));
    const paths = fc.sample(filePath, { numRuns: batch, seed }).filter(isPossible);
    const made: string[] = [];
    for (const path of paths) {
      const file = join(dir, path);
      await mkdir(dirname(file), { recursive: true })
        .then(() => writeFile(file, "export default () => 1;", { flag: "wx" }))
        .then(
          () => made.push(path),
          // A file where a folder is to be, or the other way round.
          () => {},
        );
    }
    const found = await scan(dir);
    for (const path of made) {
      const { kind } = taskName(path);
      const file = join(dir, path);
      expect(
        found.tasks.some((task) => task.file === file),
        path,
      ).toBe(kind === "task");
      expect(
        found.failures.some((one) => one.file === file),
        path,
      ).toBe(kind === "bad-name");
    }
    await rm(dir, { recursive: true });
  }
});

/** What the file system takes, inside the folder. */
function isPossible(path: string): boolean {
  const parts = path.split("/");
  return parts.every(
    (each) =>
      each !== "" &&
      each !== "." &&
      each !== ".." &&
      !each.includes("\0") &&
      each.isWellFormed() &&
      Buffer.byteLength(each) < 200,
  );
}

const duration = fc.constantFrom("5s", 100);
const definition = hostileOptions(
  {
    handler: fc.constant(() => 1),
    payload: fc.constant({ "~standard": { validate: (value: unknown) => ({ value }) } }),
    output: hostileValue,
    queue: fc.constant("q"),
    aliases: fc.array(hostileText),
    concurrency: fc.integer(),
    limit: hostileOptions(
      { key: fc.constant(() => "k"), concurrency: fc.integer(), rate: hostileValue },
      hostileValue,
    ),
    onFailed: hostileValue,
    description: hostileText,
    middleware: fc.array(hostileValue),
    retry: hostileOptions({ baseDelay: duration, maxAttempts: fc.integer() }, hostileValue),
    timeout: duration,
    priority: fc.integer(),
    classify: hostileValue,
    breaker: hostileOptions({ failures: fc.integer(), openFor: duration }, hostileValue),
    retain: hostileOptions({ completed: duration }, hostileValue),
  },
  hostileValue,
);
const moduleOf = fc.oneof(
  {
    weight: 5,
    arbitrary: definition.map((given) => ({ default: { handler: () => 1, ...given } })),
  },
  { weight: 2, arbitrary: definition.map((given) => ({ default: given })) },
  { weight: 2, arbitrary: hostileValue.map((value) => ({ default: value })) },
  {
    weight: 1,
    arbitrary: hostileValue.map((value) => ({ default: { default: value, __esModule: true } })),
  },
  { weight: 1, arbitrary: fc.dictionary(hostileText, hostileValue) },
);

test("what task files export", async () => {
  await knockAt({
    door: "task definitions",
    inputs: moduleOf,
    few: 500,
    knock(module) {
      const origin = { name: "t", file: "/nowhere/t.ts", version: 1, layers: [] };
      const parsed = parseTask(module, origin);
      if (!("reason" in parsed)) {
        expect(parsed.handler).toBeTypeOf("function");
        return null;
      }
      expect(parsed.line).toBe(1);
      return `${parsed.reason} ${parsed.fix}`;
    },
  });
});

const sound = `import { setTimeout } from "node:timers/promises";
import { shared, type Kind } from "./_shared.ts";
enum Size { Small = 1, Large }
export const config: { readonly kind: Kind; size: Size } = { kind: "a", size: Size.Large };
export default async function handler(payload: { n?: number }, ctx: unknown): Promise<unknown> {
  await setTimeout(1);
  const { n = 1 } = payload ?? {};
  return { n, shared, text: \`a \${n} b\`, re: /[a-z]+/g.test("x"), config };
}
`;

/** As a crash, a half-written save, or a merge leaves it. */
const damaged = fc
  .tuple(
    fc.nat(sound.length),
    fc.nat(40),
    fc.oneof(
      fc.constant(""),
      hostileText.filter((text) => text.length < 1_000),
    ),
    fc.constantFrom("cut", "replace", "conflict", "whole"),
  )
  .map(([at, length, text, how]) => {
    if (how === "cut") return sound.slice(0, at);
    if (how === "replace") return sound.slice(0, at) + text + sound.slice(at + length);
    if (how === "whole") return text;
    return `${sound.slice(0, at)}\n<<<<<<< HEAD\n${text}\n=======\n${sound.slice(at)}`;
  });

test("texts of task files", async () => {
  const full = inject("fuzz") !== undefined;
  const count = full ? 250 : 25;
  for (let seed = 1; seed <= (full ? 8 : 1); seed += 1) {
    await using project = await TaskProject.of({
      "package.json": '{ "type": "module" }',
      "tasks/_shared.ts": "export type Kind = 'a';\nexport const shared = 1;",
      "tasks/good.ts": "export default (n: number) => n * 2;",
    });
    const texts = fc.sample(damaged, { numRuns: count, seed });
    for (const [index, text] of texts.entries()) {
      await project.write(`tasks/t${index}.ts`, text);
    }
    const { tasks, failures } = await project.load({ importTimeoutMs: 60_000 });
    expect(tasks.find(({ name }) => name === "good")?.output).toBe(4);
    // Each file is a task or has a failure of its own that says what and where.
    for (const index of texts.keys()) {
      const file = project.path(`tasks/t${index}.ts`);
      const isTask = tasks.some((task) => task.file === file);
      const told = failures.filter((failure) => failure.task === `t${index}`);
      expect([isTask, told.length > 0], texts[index]).toEqual([isTask, !isTask]);
      for (const { reason, fix } of told) expect([reason, fix]).not.toContain("");
    }
  }
});
