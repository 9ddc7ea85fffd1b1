import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { confirm } from "../../src/cli/confirm.ts";

test.each([
  ["\n", true],
  ["y\n", true],
  ["Yes\n", true],
  ["n\n", false],
  ["what?\n", false],
])("the answer %j means %s", async (answer, meant) => {
  const input = new PassThrough();
  input.end(answer);
  expect(await confirm("Write?", { input, output: new PassThrough() })).toBe(meant);
});

test("an end without an answer is a no", async () => {
  const input = new PassThrough();
  const output = new PassThrough();
  input.end();
  expect(await confirm("Write?", { input, output })).toBe(false);
  expect(String(output.read())).toContain("Write? [Y/n] ");
});
