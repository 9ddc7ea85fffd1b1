import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { nameAmong, noteOrigin, originFiles, originKey } from "../../src/client/task-origin.ts";

const tasksDir = resolve("/work space/tasks");

test("the first file is the one that called", () => {
  function define() {
    return { [originKey]: noteOrigin(define) };
  }
  expect(originFiles(define())[0]).toBe(import.meta.filename);
});

test("noting leaves the process's own limit of stacks as it was", () => {
  const limit = Error.stackTraceLimit;
  noteOrigin(() => {});
  expect(Error.stackTraceLimit).toBe(limit);
});

test("something that defineTask didn't make has no files", () => {
  expect(originFiles({})).toEqual([]);
});

test.runIf(process.platform !== "win32")("each way that V8 writes a place is read", () => {
  const stack = [
    "Error",
    "    at file:///work%20space/tasks/a.ts?taskrun=3:10:16",
    "    at ModuleJob.run (node:internal/modules/esm/module_job:430:25)",
    "    at Object.<anonymous> (/work space/tasks/b.cjs:2:3)",
    "    at async define (file:///c.ts:1:1)",
    "    at <anonymous>",
  ].join("\n");
  expect(originFiles({ [originKey]: { stack } })).toEqual([
    "/work space/tasks/a.ts",
    "/work space/tasks/b.cjs",
    "/c.ts",
  ]);
});

describe("a name", () => {
  const name = (...paths: string[]) =>
    nameAmong(
      paths.map((path) => resolve(path)),
      tasksDir,
    );

  test("is the file's path beneath the tasks folder", () => {
    expect(name("/work space/tasks/billing/charge.ts")).toBe("billing/charge");
  });

  test("is that of the first file that can have one", () => {
    expect(name("/work space/define.ts", "/work space/tasks/_x.ts", "/work space/tasks/a.ts")).toBe(
      "a",
    );
  });

  test("is not found where no file is a task's", () => {
    expect(name("/work space/tasks.ts", "/elsewhere/tasks/a.ts")).toBeNull();
  });
});
