import { describe, expect, test } from "vitest";
import { defineTask } from "../../src/core/task.ts";
import { isLoadFailure } from "../../src/discovery/load-failure.ts";
import { defaultExport, parseTask } from "../../src/discovery/parse-task.ts";
import { TaskProject } from "../support/task-project.ts";

const origin = { name: "t", file: "/p/tasks/t.ts", source: "tasks/t.ts", version: 3, layers: [] };
const handler = () => 1;

test.each([
  ["an ES module's default", { default: handler }],
  ["module.exports", { default: handler, "module.exports": handler }],
  ["exports.default", { default: { default: handler } }],
  ["exports.default with __esModule", { default: { __esModule: true, default: handler } }],
  ["one more default", { default: { default: { __esModule: true, default: handler } } }],
])("the default export is found in %s", (_, module) => {
  expect(defaultExport(module)).toBe(handler);
});

test("a task has the name, the file and the version it was loaded with", () => {
  const task = parseTask({ default: defineTask({ handler, description: "d" }) }, origin);
  expect(task).toMatchObject({ name: "t", file: origin.file, version: 3, description: "d" });
});

test("what throws when it is looked at is no task, and stops nobody", () => {
  const unreadable = new Proxy(
    {},
    {
      get() {
        throw new Error("hands off");
      },
    },
  );
  for (const exported of [unreadable, { handler, retry: unreadable }]) {
    expect(parseTask({ default: exported }, origin)).toMatchObject({
      code: "bad-definition",
      reason: expect.stringMatching(/hands off|retry/),
    });
  }
});

test("of a thousand faults the first are told", () => {
  const boxed = Object("x".repeat(1_000));
  for (const exported of [boxed, { default: boxed, __esModule: true }]) {
    const failure = parseTask({ default: exported }, origin);
    expect(failure).toMatchObject({
      code: "bad-definition",
      reason: expect.stringMatching(/^handler: missing.*; 0: unknown option.*; and \d+ more$/),
    });
    expect(JSON.stringify(failure).length).toBeLessThan(3_000);
  }
});

describe("no task is made of", () => {
  async function failureOf(text: string, module: object) {
    await using project = await TaskProject.of({ "t.ts": text });
    const result = parseTask(module, { ...origin, file: project.path("t.ts") });
    if (!isLoadFailure(result)) throw new Error("it is a task");
    return result;
  }

  test("a module without a default export: what to write is said", async () => {
    expect(await failureOf("const a = 1;", {})).toMatchObject({
      code: "no-default-export",
      task: "t",
      line: 1,
      column: 1,
      fix: expect.stringContaining("export default async (payload, ctx)"),
    });
  });

  test("a module that exports its handler by a name: the name is said, and where", async () => {
    expect(
      await failureOf("\nexport const sendEmail = () => 1;", { sendEmail: handler }),
    ).toMatchObject({
      code: "no-default-export",
      line: 2,
      column: 14,
      fix: 'Write `export default` where it exports "sendEmail".',
    });
    expect(
      await failureOf("exports.run = () => 1;", {
        "module.exports": handler,
        run: handler,
      }),
    ).toMatchObject({ column: 9, fix: 'Write `module.exports =` where it exports "run".' });
  });

  test("wrong options: each is named, the first one's place is given", async () => {
    const text =
      'export default {\n  retry: { factor: 0 },\n  timeout: "soon",\n  handler() {},\n};';
    const definition = { retry: { factor: 0 }, timeout: "soon", handler };
    const failure = await failureOf(text, { default: definition });
    expect(failure).toMatchObject({ code: "bad-definition", task: "t", line: 2, column: 12 });
    expect(failure.reason).toMatch(/retry\.factor: .*; timeout: .*"soon"/);
  });

  test.each([
    ["a number", 5, /got number/],
    ["a class", class Job {}, /a class/],
    ["a promise", Promise.resolve(handler), /a promise/],
    ["an object without a handler", { payload: undefined }, /handler: missing/],
  ])("%s", async (_, exported, reason) => {
    const failure = await failureOf("// x\nexport default thing;", { default: exported });
    expect(failure).toMatchObject({ code: "bad-definition", line: 2, column: 1 });
    expect(failure.reason).toMatch(reason);
  });
});
