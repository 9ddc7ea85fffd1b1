/**
 * Where secrets are in a value: `$.items[*].token` as steps. Owns the notation, which tasks use in
 * `redact` and the database gets in the same steps.
 */

/**
 * Names of members, positions, "*" for every member or entry, "**" for any number of levels. No
 * steps = the whole value. A name also stands for that member of each entry of a list, so that a
 * batch, whose payload is a list of payloads, needs no paths of its own.
 */
export type SecretPath = readonly string[];

const step = /\.\.(?=[^.])|\.?([^\s.[\]"']+)|\[(?:(\d+|\*)|"((?:[^"\\]|\\.)*)"|'([^']*)')\]/y;

/** `$.items[*].token`, `$["odd name"]`, `$..token`; the `$` may be left out. Null = none. */
export function parseSecretPath(text: string): SecretPath | null {
  const rest = text.startsWith("$") ? text.slice(1) : text;
  if (rest === "") return text === "$" ? [] : null;
  const steps: string[] = [];
  step.lastIndex = 0;
  while (step.lastIndex < rest.length) {
    const found = step.exec(rest);
    if (found === null) return null;
    const [whole, name, position, quoted, single] = found;
    if (whole === "..") steps.push("**");
    else if (quoted !== undefined) steps.push(unquoted(quoted));
    else steps.push(name ?? position ?? single ?? "");
  }
  return steps.at(-1) === "**" ? null : steps;
}

function unquoted(text: string): string {
  return text.replaceAll(/\\(.)/g, "$1");
}

/** Each once. */
export function distinctPaths(paths: readonly SecretPath[]): SecretPath[] {
  return [...new Map(paths.map((path) => [JSON.stringify(path), path])).values()];
}
