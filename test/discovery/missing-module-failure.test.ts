import { describe, expect, test } from "vitest";
import { TaskProject } from "../support/task-project.ts";

const files: Record<string, string> = {
  "package.json": JSON.stringify({ type: "module" }),
  "tasks/_mail.ts": "export const send = 1;\nexport interface Mail { to: string }",
};

interface Case {
  readonly fault: string;
  readonly text: string;
  readonly place: [line: number, column: number];
  readonly reason: string;
  readonly fix: string;
  readonly path?: string;
  readonly more?: Record<string, string>;
}

const cases: Case[] = [
  {
    fault: "a mistyped path",
    text: '// from "./_mial.ts"\nimport { send } from "./_mial.ts";\nexport default () => send;',
    place: [2, 22],
    reason: 'there is no file "./_mial.ts"',
    fix: 'Did you mean "./_mail.ts"?',
  },
  {
    fault: "a path that resembles none",
    text: 'import x from "../../nowhere/at/all.ts";\nexport default () => x;',
    place: [1, 15],
    reason: 'there is no file "../../nowhere/at/all.ts"',
    fix: "Correct the path, or make the file.",
  },
  {
    fault: "a package that isn't installed",
    text: 'import "node:fs";\nimport x from "@acme/mailer/smtp";\nexport default () => x;',
    place: [2, 15],
    reason: 'there is no package "@acme/mailer/smtp"',
    fix: "Install it: npm install @acme/mailer",
  },
  {
    fault: "a path alias that nothing maps",
    text: 'import x from "@/db";\nexport default () => x;',
    place: [1, 15],
    reason: 'there is no package "@/db"',
    fix: "Correct the path, or map it under `paths` in tsconfig.json.",
  },
  {
    fault: "a required package that isn't installed",
    path: "tasks/bad.cjs",
    text: 'const x = require("left-pad");\nmodule.exports = () => x;',
    place: [1, 19],
    reason: 'there is no package "left-pad"',
    fix: "Install it: npm install left-pad",
  },
  {
    fault: "a package's path that it doesn't export",
    text: 'import x from "zod/secret";\nexport default () => x;',
    place: [1, 15],
    reason: "Package subpath './secret' is not defined",
    fix: "Import a path that the package exports.",
  },
  {
    fault: "a mistyped name",
    text: 'import {\n  sent,\n} from "./_mail.ts";\nexport default () => sent;',
    place: [2, 3],
    reason: '"./_mail.ts" has no export named "sent"',
    fix: "Did you mean send?",
  },
  {
    fault: "a mistyped name of a CommonJS package",
    text: 'import { Poll } from "pg";\nexport default () => Poll;',
    place: [1, 10],
    reason: '"pg" has no export named "Poll"',
    fix: "Export it there, or correct the name.",
  },
  {
    fault: "a type without `type`, where tsconfig.json forbids to drop it",
    text: 'import { Mail } from "./_mail.ts";\nexport default (m: Mail) => m;',
    more: { "tsconfig.json": '{ "compilerOptions": { "verbatimModuleSyntax": true } }' },
    place: [1, 10],
    reason: '"./_mail.ts" has no export named "Mail"',
    fix: "It is a type: write `import { type Mail }`.",
  },
  {
    fault: "a default that isn't there",
    text: 'import mail from "./_mail.ts";\nexport default () => mail;',
    place: [1, 18],
    reason: '"./_mail.ts" has no export named "default"',
    fix: "Import it by its name in braces, or export a default.",
  },
];

describe("a task file is reported when it imports", () => {
  test.each(cases)("$fault", async ({ path = "tasks/bad.ts", more, text, place, reason, fix }) => {
    await using project = await TaskProject.of({ ...files, ...more, [path]: text });
    await project.installPackages("zod", "pg");
    const { failures } = await project.load();
    expect(failures).toMatchObject([
      {
        code: "missing-module",
        task: "bad",
        file: project.path(path),
        line: place[0],
        column: place[1],
        reason: expect.stringContaining(reason),
        fix,
        frame: expect.stringContaining("^"),
      },
    ]);
  });

  test("a package that lacks one of its own", async () => {
    await using project = await TaskProject.of({
      ...files,
      "node_modules/half/package.json": '{ "name": "half", "main": "index.js" }',
      "node_modules/half/index.js": 'module.exports = require("other-half");',
      "tasks/bad.ts": 'import half from "half";\nexport default () => half;',
    });
    const { failures } = await project.load();
    expect(failures).toMatchObject([
      {
        code: "missing-module",
        task: "bad",
        file: project.path("tasks/bad.ts"),
        reason: "a package that it imports can't be loaded: Cannot find module 'other-half'",
      },
    ]);
  });
});

test("an optional module that a task itself does without is no failure", async () => {
  await using project = await TaskProject.of({
    ...files,
    "tasks/careful.ts":
      'const extra = await import("extra-speed").catch(() => null);\nexport default () => extra;',
  });
  expect(await project.load()).toMatchObject({ names: ["careful"], failures: [] });
});
