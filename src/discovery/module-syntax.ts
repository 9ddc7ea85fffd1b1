/**
 * Whether a text is an ES module or CommonJS, told by its first statements rather than by
 * package.json: `npm init` writes `"type": "commonjs"` beside files that use import and export.
 */

const imports = /import\s*(?:[\w$]+\s*(?:,|from\b)|type\s|[{*"'])/;
const exported =
  /async|const|let|var|function|class|abstract|type|interface|enum|declare|namespace/;
const exports = new RegExp(`export\\s*(?:[{*]|default\\b|(?:${exported.source})\\b)`);
const esModule = new RegExp(`^[ \\t]*(?:${imports.source}|${exports.source})`, "m");
const commonJs = /\bmodule\.exports\b|\bexports\.[\w$]+\s*=|^\s*export\s*=|\brequire\s*\(/m;

export type ModuleSyntax = "module" | "commonjs" | "unclear";

export function moduleSyntax(source: string): ModuleSyntax {
  const [isModule, isCommonJs] = [esModule.test(source), commonJs.test(source)];
  if (isModule === isCommonJs) return "unclear";
  return isModule ? "module" : "commonjs";
}
