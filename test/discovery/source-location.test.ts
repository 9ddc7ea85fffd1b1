import { describe, expect, test } from "vitest";
import {
  findDefaultExport,
  findExport,
  findField,
  findImportedName,
  findLiteral,
  findSpecifier,
  findTopLevelAwait,
  type Position,
  sourceLocation,
  stackHeading,
  stackPlaces,
} from "../../src/discovery/source-location.ts";

/** The place of the mark "|" in the text, and the text without it. */
function marked(text: string): { text: string; place: Position } {
  const offset = text.indexOf("|");
  return { text: text.replace("|", ""), place: sourceLocation(text, offset) };
}

test("an offset gives a line and a column, both from 1", () => {
  expect(sourceLocation("ab\ncd", 0)).toEqual({ line: 1, column: 1 });
  expect(sourceLocation("ab\ncd", 4)).toEqual({ line: 2, column: 2 });
});

describe("a specifier is found in", () => {
  test.each([
    'import x from |"./a.ts";',
    'import |"./a.ts";',
    "export * from |'./a.ts';",
    'const x = require(|"./a.ts");',
    'const x = await import( |"./a.ts" );',
    'const s = "./a.ts";\nimport x from |"./a.ts";',
    '// from "./a.ts"\n/* a\n * from "./a.ts" */\nimport {\n  x,\n} from |"./a.ts";',
  ])("%j", (source) => {
    const { place, text } = marked(source);
    expect(findSpecifier(text, "./a.ts")).toEqual(place);
  });
});

test("an imported name is found in the braces of its own import", () => {
  const { place, text } = marked(
    'import { name } from "./b.ts";\nimport {\n  names,\n  |name as other,\n} from "./a.ts";',
  );
  expect(findImportedName(text, "./a.ts", "name")).toEqual(place);
  const whole = marked('import * as a from |"./a.ts";');
  expect(findImportedName(whole.text, "./a.ts", "name")).toEqual(whole.place);
});

test.each([
  ["export const |send = 1;", "send"],
  ["export async function |send() {}", "send"],
  ["exports.|send = 1;", "send"],
])("an export is found in %j", (source, name) => {
  const { place, text } = marked(source);
  expect(findExport(text, name)).toEqual(place);
});

test.each([
  "const a = 1;\n|export default a;",
  "|export { a as default };",
  "|module.exports = a;",
  "|exports.default = a;",
])("the default export is found in %j", (source) => {
  const { place, text } = marked(source);
  expect(findDefaultExport(text)).toEqual(place);
});

test("a field is found beneath its parents, a literal wherever it stands", () => {
  const { place, text } = marked("x = { factor: 1,\n retry: { jitter: 0, |factor: 2 } }");
  expect(findField(text, "retry.factor")).toEqual(place);
  expect(findField(text, "nothing")).toBeNull();
  const literal = marked('aliases: ["a:b", |"a"]');
  expect(findLiteral(literal.text, "a")).toEqual(literal.place);
});

test.each([
  "const f = async () => {\n  await 1;\n};\n|await 2;",
  "export const x = |await y;",
  "for |await (const x of y) {}",
])("a top-level await is found in %j", (source) => {
  const { place, text } = marked(source);
  expect(findTopLevelAwait(text)).toEqual(place);
});

test("a stack gives the places of files, not of Node", () => {
  const stack = `Error: at home (1:2)
    at run (file:///p/tasks/a.ts?taskrun=1:3:9)
    at Object.<anonymous> (/p/b c.cjs:4:5)
    at node:internal/modules/esm/loader:647:26
    at /p/d.ts:6:7
    at JSON.parse (<anonymous>)`;
  expect(stackPlaces(stack)).toEqual([
    { file: "/p/tasks/a.ts", line: 3, column: 9 },
    { file: "/p/b c.cjs", line: 4, column: 5 },
    { file: "/p/d.ts", line: 6, column: 7 },
  ]);
});

test("a stack's heading is read where Node wrote one", () => {
  expect(stackHeading("file:///p/a.ts?taskrun=2:7\nimport x\n")).toEqual({
    file: "/p/a.ts",
    line: 7,
  });
  expect(stackHeading("/p/a.cjs:2\n  if (;\n")).toEqual({ file: "/p/a.cjs", line: 2 });
  expect(stackHeading("SyntaxError: Unexpected token\n    at x (file:///p/a.ts:1:2)")).toBeNull();
});
