import { expect, test } from "vitest";
import { moduleSyntax } from "../../src/discovery/module-syntax.ts";

test.each([
  ['import x from "y";', "module"],
  ['import "y";', "module"],
  ['import { a } from "y";', "module"],
  ["import * as a from 'y';", "module"],
  ['import type { A } from "y";', "module"],
  ["export default () => 1;", "module"],
  ["  export const a = 1;", "module"],
  ["export async function a() {}", "module"],
  ["export { a };", "module"],
  ["module.exports = () => 1;", "commonjs"],
  ["exports.a = 1;", "commonjs"],
  ['const a = require("a");', "commonjs"],
  ['import a = require("a");', "commonjs"],
  ["export = () => 1;", "commonjs"],
  ["", "unclear"],
  ['const a = await import("a");', "unclear"],
  ["// export default\n * import x from y", "unclear"],
  ['import "y";\nmodule.exports = 1;', "unclear"],
])("%j is %s", (text, syntax) => {
  expect(moduleSyntax(text)).toBe(syntax);
});
