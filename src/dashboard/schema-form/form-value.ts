/**
 * The value that a form makes: JSON in the making, where undefined is a field that was left empty
 * and `Unparsed` one whose text isn't JSON yet. Pure.
 */

import { type FormField, formField, type JsonSchema } from "./form-field.ts";

/** What stands in a field of JSON and can't be read. */
export class Unparsed {
  readonly text: string;
  readonly problem: string;

  constructor(text: string, problem: string) {
    this.text = text;
    this.problem = problem;
  }
}

export type Path = readonly (string | number)[];

/** What a form starts with: what has to be there and can only be one thing. */
export function startValue(schema: JsonSchema, root: JsonSchema, isRequired: boolean): unknown {
  return isRequired ? startOf(formField(schema, root), root, 0) : undefined;
}

const deepestStart = 12;

function startOf(field: FormField, root: JsonSchema, depth: number): unknown {
  if (depth > deepestStart) return undefined;
  if (field.kind === "constant") return field.value;
  if (field.kind === "boolean") return field.default ?? (field.isNullable ? undefined : false);
  if (field.kind === "list") return [];
  if (field.kind !== "group" || field.isNullable) return undefined;
  return Object.fromEntries(
    field.members
      .filter(({ isRequired }) => isRequired)
      .map(({ name, schema }) => [name, startOf(formField(schema, root), root, depth + 1)]),
  );
}

const mask = "[secret]";

/** Of a payload that was shown: without its secrets, of which only masks are shown. */
export function withoutMasks(value: unknown): unknown {
  if (value === mask) return undefined;
  if (Array.isArray(value)) return value.map(withoutMasks);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, withoutMasks(member)]);
  return Object.fromEntries(members.filter(([, member]) => member !== undefined));
}

/** As it is sent: without what was left empty; null where only that is right. */
export function finishedValue(value: unknown, schema: JsonSchema, root: JsonSchema): unknown {
  const field = formField(schema, root);
  if (value === undefined || value instanceof Unparsed) return undefined;
  if (Array.isArray(value)) {
    const item = field.kind === "list" ? field.item : {};
    return value.map((one) => finishedValue(one, item, root) ?? null);
  }
  if (field.kind !== "group" || typeof value !== "object" || value === null) return value;
  const finished: Record<string, unknown> = { ...value };
  for (const { name, schema: member, isRequired } of field.members) {
    const own = finishedValue(finished[name], member, root);
    if (own !== undefined) finished[name] = own;
    else if (isRequired && formField(member, root).isNullable) finished[name] = null;
    else delete finished[name];
  }
  return finished;
}

/** Where a text isn't JSON. */
export function unparsedIn(value: unknown, path: Path = []): { path: Path; problem: string }[] {
  if (value instanceof Unparsed) return [{ path, problem: value.problem }];
  if (typeof value !== "object" || value === null) return [];
  const isList = Array.isArray(value);
  return Object.entries(value).flatMap(([name, member]) =>
    unparsedIn(member, [...path, isList ? Number(name) : name]),
  );
}

/** undefined for an empty text. */
export function parsedJson(text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    return new Unparsed(text, error instanceof Error ? error.message : String(error));
  }
}

/** `$.payload.items[0]["a b"]` → `["payload", "items", 0, "a b"]` */
export function parsedPath(path: string): Path {
  const parts: (string | number)[] = [];
  for (const [, name, index, quoted] of path.matchAll(
    /\.([^.[\]]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g,
  )) {
    if (index !== undefined) parts.push(Number(index));
    else if (quoted !== undefined) parts.push(String(JSON.parse(quoted)));
    else if (name !== undefined) parts.push(name);
  }
  return parts;
}

export function samePath(a: Path, b: Path): boolean {
  return a.length === b.length && a.every((part, index) => String(part) === String(b[index]));
}
