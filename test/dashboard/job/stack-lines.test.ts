import { expect, test } from "vitest";
import { editorLink, stackLines } from "../../../src/dashboard/job/stack-lines.ts";

const stack = `TypeError: no luck (at all:1:2)
    at charge (/app/tasks/billing/charge.ts:12:9)
    at async file:///app/tasks/with%20space.ts:3:1
    at run (/app/node_modules/pg/lib/client.js:5:7)
    at node:internal/process/task_queues:95:5
    at Array.map (<anonymous>)`;

test("own code is told from packages and from Node itself", () => {
  expect(stackLines(stack).map(({ isOwn }) => isOwn)).toEqual([
    false,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("a line in a file has its place", () => {
  const [, own, url, foreign] = stackLines(stack);
  expect(own).toMatchObject({ file: "/app/tasks/billing/charge.ts", line: 12, column: 9 });
  expect(url).toMatchObject({ file: "/app/tasks/with space.ts", line: 3, column: 1 });
  expect(foreign?.file).toBe("/app/node_modules/pg/lib/client.js");
});

test("the lines together are the stack", () => {
  expect(
    stackLines(stack)
      .map(({ text }) => text)
      .join("\n"),
  ).toBe(stack);
});

test("an editor can open the place", () => {
  const [message, own, url] = stackLines(stack);
  expect(message && editorLink(message)).toBeNull();
  expect(own && editorLink(own)).toBe("vscode://file/app/tasks/billing/charge.ts:12:9");
  expect(url && editorLink(url)).toBe("vscode://file/app/tasks/with%20space.ts:3:1");
});

test("a link leads to an editor only, whatever an error says", () => {
  const [line] = stackLines("    at x (javascript:alert(1)//:1:2)");
  expect(line).toMatchObject({ file: null });
});
