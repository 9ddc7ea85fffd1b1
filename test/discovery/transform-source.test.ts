import { expect, test } from "vitest";
import {
  findSyntaxFault,
  isJsx,
  looksUnstrippable,
  syntaxFault,
  transformSource,
  transformSourceSync,
} from "../../src/discovery/transform-source.ts";

test.each([
  "enum A { B }",
  "export const enum A { B }",
  "export namespace A.B { export const c = 1; }",
  "class A { constructor(readonly b: string) {} }",
  "class A {\n  constructor(\n    private b: string,\n  ) {}\n}",
  "@logged\nclass A {}",
  "class A { @logged b() {} }",
  'import fs = require("fs");',
  "export = run;",
])("%j needs more than type stripping", (text) => {
  expect(looksUnstrippable(text)).toBe(true);
});

test.each([
  "export default (to: string) => to;",
  "/**\n * @param to the address\n */\nexport const a = 1;",
  '// an enumeration in a module\nimport { a } from "@scope/b";',
  'const mail = "me@example.com";',
  "class A { constructor(b: string) {} }",
  "module.exports = 1;",
  `const id = \`<\${job}@\${domain}>\`;`,
])("%j does not", (text) => {
  expect(looksUnstrippable(text)).toBe(false);
});

test("both ways to transform give the same text, with the options of tsconfig.json", async () => {
  const text = "export const a = <b/>;";
  const options = { jsx: "react", jsxFactory: "h" } as const;
  const code = transformSourceSync(text, "/p/a.tsx", options);
  expect(code).toContain('h("b", null)');
  expect(await transformSource(text, "/p/a.tsx", options)).toBe(code);
  expect(transformSourceSync(text, "/p/a.tsx", { jsx: "preserve" })).toContain("react/jsx-runtime");
});

test("a fault has its place in characters, not in bytes", async () => {
  expect(await findSyntaxFault('const é = "ü" "ö";', "/p/a.ts")).toMatchObject({
    file: "/p/a.ts",
    place: { line: 1, column: 15 },
    message: expect.stringContaining("Expected"),
  });
  expect(await findSyntaxFault("const a: number = 1;", "/p/a.ts")).toBeNull();
  expect(await findSyntaxFault("const a: number = 1;", "/p/a.js")).not.toBeNull();
  expect(syntaxFault(new Error("another"), "/p/a.ts")).toBeNull();
});

test("endings that Node has no loader for are known", () => {
  expect(["/a.tsx", "/a.jsx", "/a.ts", "/a.js"].map(isJsx)).toEqual([true, true, false, false]);
});
