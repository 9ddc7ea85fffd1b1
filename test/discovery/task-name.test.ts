import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isIgnoredFolder, taskName, taskPath } from "../../src/discovery/task-name.ts";

describe("the path of a file under tasks/", () => {
  test.each([
    ["send_email.ts", "send_email"],
    ["billing/charge.ts", "billing/charge"],
    ["a/b-1/C_2.mjs", "a/b-1/C_2"],
    ["x.js", "x"],
    ["x.cjs", "x"],
    ["x.mts", "x"],
    ["x.cts", "x"],
    ["x.tsx", "x"],
    ["x.jsx", "x"],
  ])("%s is the task %s", (path, name) => {
    expect(taskName(path)).toEqual({ kind: "task", name });
  });

  test.each([
    "_helpers.ts",
    ".eslintrc.js",
    "send.test.ts",
    "send.spec.tsx",
    "send.d.ts",
    "send.d.mts",
    "node_modules/x/index.js",
    "_shared/db.ts",
    ".cache/x.js",
    "README.md",
    "data.json",
    "run.py",
    "executable",
    "_middlewares.ts",
  ])("%s is no task", (path) => {
    expect(taskName(path)).toEqual({ kind: "ignored" });
  });

  test.each([
    ["_middleware.ts", "middleware", ""],
    ["billing/_defaults.js", "defaults", "billing"],
    ["a/b/_middleware.mts", "middleware", "a/b"],
  ])("%s is a scope file: %s of %j", (path, scope, folder) => {
    expect(taskName(path)).toEqual({ kind: "scope", scope, folder });
  });

  test("with a character that names can't have is refused, with a better name", () => {
    expect(taskName("send email.ts")).toMatchObject({
      kind: "bad-name",
      reason: expect.stringContaining('"send email"'),
      fix: expect.stringContaining('Rename the file to "send_email"'),
    });
    expect(taskName("my tasks/send.ts")).toMatchObject({
      kind: "bad-name",
      fix: expect.stringContaining('Rename the folder to "my_tasks"'),
    });
    expect(taskName("vite.config.ts")).toMatchObject({ kind: "bad-name" });
    expect(taskName("größe.ts")).toMatchObject({ kind: "bad-name" });
  });

  test("may give a name of 128 characters and no longer", () => {
    expect(taskName(`${"a".repeat(64)}/${"b".repeat(63)}.ts`)).toMatchObject({ kind: "task" });
    expect(taskName(`${"a".repeat(64)}/${"b".repeat(64)}.ts`)).toMatchObject({
      kind: "bad-name",
      reason: expect.stringContaining("129"),
    });
  });
});

test("a name gives the path of a file that would have it", () => {
  expect(taskPath("billing/charge")).toBe("billing/charge.ts");
  expect(taskName(taskPath("billing/charge"))).toEqual({ kind: "task", name: "billing/charge" });
  expect(taskPath("mail:send")).toBe("mail_send.ts");
});

test("folders without tasks need not be read", () => {
  expect(["node_modules", "_lib", ".git", "billing"].filter(isIgnoredFolder)).toEqual([
    "node_modules",
    "_lib",
    ".git",
  ]);
});

describe("for any path", () => {
  const segment = fc.oneof(
    fc.string({ unit: fc.constantFrom(..."abcXYZ019_-."), minLength: 1, maxLength: 12 }),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }),
    fc.constantFrom("node_modules", "größe", "日本", "x".repeat(150), "..", "__proto__"),
  );
  const paths = fc
    .tuple(
      fc.array(segment, { maxLength: 3 }),
      segment,
      fc.constantFrom("ts", "js", "mts", "cjs", "tsx", "json", "d.ts", "test.ts"),
    )
    .map(([folders, base, end]) => [...folders, `${base}.${end}`].join("/"));

  test("a name is one that the queue takes, and leads to a file that has it", () => {
    fc.assert(
      fc.property(paths, (path) => {
        const meaning = taskName(path);
        if (meaning.kind !== "task") return;
        expect(meaning.name).toMatch(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/);
        expect(meaning.name.length).toBeLessThanOrEqual(128);
        expect(taskName(taskPath(meaning.name))).toEqual(meaning);
      }),
      { seed: 1, numRuns: 1_000 },
    );
  });

  test("whoever renames as a refusal says has a task, or one fault less", () => {
    fc.assert(
      fc.property(paths, (path) => {
        const meaning = taskName(path);
        if (meaning.kind !== "bad-name") return;
        expect(`${meaning.reason} ${meaning.fix}`.length).toBeLessThan(900);
        const [, what, better] = /^Rename the (file|folder) to "([^"]*)",/.exec(meaning.fix) ?? [];
        if (better === undefined) return;
        expect(better).toMatch(/^[A-Za-z0-9-][A-Za-z0-9_-]*$/);
        const segments = path.split("/");
        const end = /\.[cm]?[jt]sx?$/.exec(path)?.[0] ?? "";
        const wrong = segments.findIndex((one, at) =>
          at === segments.length - 1 ? what === "file" : /[^\w-]/.test(one),
        );
        const renamed = taskName(
          segments.with(wrong, what === "file" ? better + end : better).join("/"),
        );
        expect(renamed).not.toEqual(meaning);
        expect(renamed.kind).not.toBe("ignored");
      }),
      { seed: 1, numRuns: 1_000 },
    );
  });
});
