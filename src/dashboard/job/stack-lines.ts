/** A stack trace as lines: which of them are the user's own code, and where that is. Pure. */

export interface StackLine {
  readonly text: string;
  /** Null for the message, and for what has no file. */
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  /** Neither Node's nor a package's. */
  readonly isOwn: boolean;
}

export function stackLines(stack: string): StackLine[] {
  return stack.split("\n").map((text) => {
    const at = /^\s*at\s/.test(text);
    const found = /(?:\(|\s)((?:file:\/\/)?(?:\/|[A-Za-z]:\\)[^()]*?):(\d+):(\d+)\)?\s*$/.exec(
      text,
    );
    if (!at || found === null) return { text, file: null, line: null, column: null, isOwn: false };
    const [, place = "", line, column] = found;
    const file = decoded(place.replace(/^file:\/\//, ""));
    const isOwn = !/[\\/]node_modules[\\/]/.test(file);
    return { text, file, line: Number(line), column: Number(column), isOwn };
  });
}

/** Opens the place in an editor of this machine. */
export function editorLink({ file, line, column }: StackLine): string | null {
  if (file === null) return null;
  return `vscode://file${encodeURI(file.startsWith("/") ? file : `/${file}`)}:${line}:${column}`;
}

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}
