/**
 * Finds where a schema marks values as secret: by zod's own tree, and by the JSON Schema of other
 * libraries that say theirs. Never throws and never runs a check; a schema that can't be read has
 * no marks.
 */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { isMarked } from "./secret.ts";
import { distinctPaths, parseSecretPath, type SecretPath } from "./secret-path.ts";
import type { TaskSecrets } from "./task.ts";

export function findSecretPaths(schema: StandardSchemaV1 | null): readonly SecretPath[] {
  if (schema === null) return [];
  try {
    const root = "_zod" in schema ? schema : jsonSchemaOf(schema);
    return distinctPaths(new Walk(root, "_zod" in schema ? zodParts : jsonParts).pathsOf(root));
  } catch {
    return [];
  }
}

/** What `redact` names and the schemas mark; null when that is nothing. */
export function findTaskSecrets(
  redact: readonly string[],
  payload: StandardSchemaV1 | null,
  output: StandardSchemaV1 | null,
): TaskSecrets | null {
  const named = redact.map(parseSecretPath).filter((path) => path !== null);
  const secrets = {
    payload: distinctPaths([...named, ...findSecretPaths(payload)]),
    output: distinctPaths([...named, ...findSecretPaths(output)]),
  };
  return secrets.payload.length + secrets.output.length === 0 ? null : Object.freeze(secrets);
}

/** A schema beneath another one, and the steps that lead to its value. */
type Part = readonly [steps: SecretPath, schema: unknown];

/** Null = the schema is marked itself. */
type PartsOf = (schema: unknown, root: unknown) => readonly Part[] | null;

/** Schemas may contain themselves: what is secret in such a one is so at any depth. */
class Walk {
  readonly #root: unknown;
  readonly #partsOf: PartsOf;
  readonly #above = new Set<unknown>();
  readonly #recursive = new Set<unknown>();

  constructor(root: unknown, partsOf: PartsOf) {
    this.#root = root;
    this.#partsOf = partsOf;
  }

  pathsOf(schema: unknown): SecretPath[] {
    if (typeof schema !== "object" || schema === null) return [];
    if (this.#above.has(schema)) {
      this.#recursive.add(schema);
      return [];
    }
    const parts = this.#partsOf(schema, this.#root);
    if (parts === null) return [[]];
    this.#above.add(schema);
    const paths = parts.flatMap(([steps, part]) =>
      this.pathsOf(part).map((path) => [...steps, ...path]),
    );
    this.#above.delete(schema);
    if (!this.#recursive.has(schema)) return paths;
    return [...paths, ...paths.map((path) => ["**", ...path])];
  }
}

function zodParts(schema: unknown): readonly Part[] | null {
  const described = member(schema, "meta");
  if (typeof described === "function" && isMarked(Reflect.apply(described, schema, [])))
    return null;
  const def = member(member(schema, "_zod"), "def");
  const shape = Object.entries(member(def, "shape") ?? {}).map(
    ([name, part]): Part => [[name], part],
  );
  const items = list(member(def, "items")).map((part, place): Part => [[String(place)], part]);
  const options = list(member(def, "options")).map((part): Part => [[], part]);
  const getter = member(def, "getter");
  const inside = ["innerType", "in", "out", "left", "right"].map(
    (name): Part => [[], member(def, name)],
  );
  const entries = ["element", "valueType", "catchall", "rest"].map(
    (name): Part => [["*"], member(def, name)],
  );
  const lazy: Part[] = typeof getter === "function" ? [[[], getter()]] : [];
  return [...shape, ...items, ...options, ...inside, ...entries, ...lazy];
}

function jsonSchemaOf(schema: StandardSchemaV1): unknown {
  const input = member(member(schema["~standard"], "jsonSchema"), "input");
  return typeof input === "function" ? input({ target: "draft-2020-12" }) : null;
}

function jsonParts(schema: unknown, root: unknown): readonly Part[] | null {
  if (isMarked(schema)) return null;
  const named = Object.entries(member(schema, "properties") ?? {});
  const patterns = Object.values(member(schema, "patternProperties") ?? {});
  const reference = member(schema, "$ref");
  const combined = ["allOf", "anyOf", "oneOf"].flatMap((name) => list(member(schema, name)));
  const cases = ["if", "then", "else"].map((name) => member(schema, name));
  const entries = ["items", "additionalProperties", "contains"].map((name) => member(schema, name));
  return [
    ...named.map(([name, part]): Part => [[name], part]),
    ...list(member(schema, "prefixItems")).map((part, place): Part => [[String(place)], part]),
    ...[...patterns, ...entries].map((part): Part => [["*"], part]),
    ...[...combined, ...cases, referred(reference, root)].map((part): Part => [[], part]),
  ];
}

/** What "#", "#/$defs/address" and their like stand for. */
function referred(reference: unknown, root: unknown): unknown {
  if (typeof reference !== "string" || !reference.startsWith("#")) return null;
  const steps = reference.split("/").slice(1);
  const names = steps.map((each) => each.replaceAll("~1", "/").replaceAll("~0", "~"));
  return names.reduce((at: unknown, name) => member(at, name), root);
}

function member(value: unknown, name: string): unknown {
  const isObject = typeof value === "object" && value !== null;
  return isObject || typeof value === "function" ? Reflect.get(value, name) : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
