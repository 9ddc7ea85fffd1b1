/**
 * Makes JSON of any value at all, and says where that is not what the value was: for what
 * JSON.stringify refuses (cycles, BigInts, a toJSON or getter that throws, thousands of levels)
 * and for what it would silently drop (Map, Set, errors).
 */

import { formatPath } from "./schema-issues.ts";

export interface CarefulJson {
  readonly json: string;
  /** What was changed, with its place: "a BigInt at $.total". The first ones. */
  readonly changes: readonly string[];
  /** How many more there are. */
  readonly more: number;
}

// Far more than data has, far less than a stack holds.
const deepest = 200;
// Beyond that an output is cut anyway.
const mostValues = 200_000;
const longestText = 1_000_000;
const mostChanges = 5;

/** Never throws. */
export function carefulJson(value: unknown): CarefulJson {
  const copy = new CarefulCopy();
  const json = JSON.stringify(copy.of(value, [])) ?? "null";
  return { json, changes: copy.changes, more: copy.changed - copy.changes.length };
}

type Path = readonly PropertyKey[];

class CarefulCopy {
  readonly changes: string[] = [];
  changed = 0;
  readonly #above = new Set<object>();
  #values = 0;

  /** `value` as something that JSON.stringify takes and shows. */
  of(value: unknown, path: Path): unknown {
    switch (typeof value) {
      case "bigint":
        return this.#changedTo(`${value}n`, "a BigInt", path);
      case "symbol":
        return this.#changedTo(value.toString(), "a symbol", path);
      case "string":
        if (value.length <= longestText) return value;
        return this.#changedTo(value.slice(0, longestText), "a very long text", path);
      case "object":
        return value === null ? null : this.#ofObject(value, path);
      default:
        return value;
    }
  }

  #ofObject(value: object, path: Path): unknown {
    if (this.#above.has(value)) {
      return this.#changedTo("[circular]", "a circular reference", path);
    }
    if (path.length >= deepest) {
      return this.#changedTo("[too deep]", `more than ${deepest} levels`, path);
    }
    this.#values += 1;
    if (this.#values > mostValues) {
      return this.#changedTo("[cut]", `more than ${mostValues} values`, path);
    }
    this.#above.add(value);
    try {
      return this.#ofKind(value, path);
    } catch (error) {
      return this.#changedTo("[unreadable]", `what can't be read (${textOf(error)})`, path);
    } finally {
      this.#above.delete(value);
    }
  }

  #ofKind(value: object, path: Path): unknown {
    const toJson: unknown = Reflect.get(value, "toJSON");
    if (typeof toJson === "function") {
      return this.of(Reflect.apply(toJson, value, [String(path.at(-1) ?? "")]), path);
    }
    if (Array.isArray(value)) return this.#ofList(value, path);
    if (value instanceof Map) return this.#ofMap(value, path);
    if (value instanceof Set) {
      return this.#changedTo(this.#ofList([...value], path), "a Set", path);
    }
    if (value instanceof Error) {
      const { name, message } = value;
      const own = this.#ofEntries(Object.entries(value), path);
      return this.#changedTo(
        { name: String(name), message: String(message), ...own },
        "an error",
        path,
      );
    }
    // JSON.stringify shows the value inside.
    if (value instanceof Number || value instanceof String || value instanceof Boolean) {
      return value.valueOf();
    }
    return this.#ofEntries(this.#readable(value, path), path);
  }

  #ofMap(map: ReadonlyMap<unknown, unknown>, path: Path): unknown {
    const entries = [...map];
    const named = entries.every(([key]) => typeof key === "string");
    const copy = named
      ? this.#ofEntries(
          entries.map(([key, entry]) => [String(key), entry]),
          path,
        )
      : this.#ofList(entries, path);
    return this.#changedTo(copy, "a Map", path);
  }

  #ofList(list: readonly unknown[], path: Path): unknown[] {
    return list.map((entry, index) => this.of(entry, [...path, index]));
  }

  #ofEntries(entries: Iterable<readonly [string, unknown]>, path: Path): object {
    // Without a prototype: "__proto__" is a key like any other.
    const copy: Record<string, unknown> = Object.create(null);
    for (const [key, entry] of entries) copy[key] = this.of(entry, [...path, key]);
    return copy;
  }

  /** One property that throws doesn't hide the others. */
  *#readable(value: object, path: Path): Iterable<readonly [string, unknown]> {
    for (const key of Object.keys(value)) {
      let entry: unknown;
      try {
        entry = Reflect.get(value, key);
      } catch (error) {
        const what = `what can't be read (${textOf(error)})`;
        entry = this.#changedTo("[unreadable]", what, [...path, key]);
      }
      yield [key, entry];
    }
  }

  #changedTo<T>(copy: T, what: string, path: Path): T {
    this.changed += 1;
    if (this.changes.length < mostChanges) this.changes.push(`${what} at ${formatPath(path)}`);
    return copy;
  }
}

function textOf(error: unknown): string {
  try {
    return String(error).slice(0, 200);
  } catch {
    return "no reason can be given";
  }
}
