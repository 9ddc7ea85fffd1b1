/** Adds lines to a .gitignore that it hasn't got in any of the usual spellings. */

export interface ExtendedIgnoreFile {
  readonly text: string;
  readonly added: readonly string[];
}

export function extendIgnoreFile(text: string, paths: readonly string[]): ExtendedIgnoreFile {
  const known = new Set(text.split(/\r?\n/).map(bare));
  const added = paths.filter((path) => !known.has(bare(path)));
  const start = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  return { text: start + added.map((path) => `${path}\n`).join(""), added };
}

function bare(line: string): string {
  return line
    .trim()
    .replace(/^(\*\*)?\//, "")
    .replace(/\/\*{0,2}$/, "");
}
