import { afterEach, expect, test, vi } from "vitest";
import { printJson, printTable, say, sayError } from "../../src/cli/output.ts";

function written(stream: NodeJS.WriteStream) {
  const write = vi.spyOn(stream, "write").mockReturnValue(true);
  return () => write.mock.calls.map(([text]) => text).join("");
}

afterEach(() => {
  vi.restoreAllMocks();
});

test("data goes to stdout, words to stderr", () => {
  const out = written(process.stdout);
  const err = written(process.stderr);
  printJson([{ id: "1" }]);
  say("hello");
  sayError("bad", "mend it");
  expect(JSON.parse(out())).toEqual([{ id: "1" }]);
  expect(err()).toContain("hello\n");
  expect(err()).toMatch(/error.*bad\nmend it\n/);
});

test("a table's columns are as wide as their widest cell", () => {
  const out = written(process.stdout);
  printTable(
    ["id", "task"],
    [
      ["1", "a"],
      ["1000", ""],
    ],
  );
  const lines = out().split("\n");
  expect(lines[0]).toContain("id    task");
  expect(lines.slice(1)).toEqual(["1     a", "1000", ""]);
});
