/**
 * A payload to begin with: for hints, and for questions that want an answer at hand. Made of what
 * the task's schema says of itself, and offered only when the schema takes it.
 */

import type { Task } from "../../core/task.ts";
import { payloadJsonSchema } from "./payload-json-schema.ts";

type Sampled = Pick<Task, "payloadSchema">;

/** As little as the task takes; undefined when none is found. Never rejects. */
export async function samplePayload({ payloadSchema }: Sampled): Promise<unknown> {
  if (payloadSchema === null || (await takes(payloadSchema, {}))) return {};
  const json = await payloadJsonSchema(payloadSchema);
  if (json === null) return undefined;
  const root: unknown = JSON.parse(json);
  if (!isObject(root)) return undefined;
  // A schema may demand more than it can say.
  for (const isWhole of [false, true]) {
    const sample = sampleOf(root, { root, isWhole, name: "text", depth: 0 });
    if (sample !== undefined && (await takes(payloadSchema, sample))) return sample;
  }
  return undefined;
}

async function takes(schema: NonNullable<Task["payloadSchema"]>, value: unknown): Promise<boolean> {
  try {
    return (await schema["~standard"].validate(value)).issues === undefined;
  } catch {
    return false;
  }
}

type JsonSchema = Readonly<Record<string, unknown>>;

interface Place {
  readonly root: JsonSchema;
  /** With the members that may be left out. */
  readonly isWhole: boolean;
  /** Of the member: a text says what it is for. */
  readonly name: string;
  readonly depth: number;
}

/** A schema may contain itself. */
const deepest = 10;

function sampleOf(schema: unknown, place: Place): unknown {
  if (!isObject(schema) || place.depth > deepest) return undefined;
  const inner = { ...place, depth: place.depth + 1 };
  if ("default" in schema) return schema.default;
  if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0];
  if ("const" in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if (typeof schema.$ref === "string") return sampleOf(referred(schema.$ref, place.root), inner);
  for (const choices of [schema.anyOf, schema.oneOf]) {
    if (Array.isArray(choices)) return firstOf(choices, inner);
  }
  if (Array.isArray(schema.allOf)) {
    return Object.assign({}, ...schema.allOf.map((each) => sampleOf(each, inner)));
  }
  return ofType(schema, inner);
}

function firstOf(choices: readonly unknown[], place: Place): unknown {
  for (const choice of choices) {
    const sample = sampleOf(choice, place);
    if (sample !== undefined) return sample;
  }
  return undefined;
}

function ofType(schema: JsonSchema, place: Place): unknown {
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case "object":
      return objectOf(schema, place);
    case "array":
      return arrayOf(schema, place);
    case "string":
      return textOf(schema, place);
    case "number":
    case "integer":
      return numberOf(schema);
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      // Anything goes.
      return type === undefined ? {} : undefined;
  }
}

function objectOf({ required, properties }: JsonSchema, place: Place): unknown {
  const members = new Map(Object.entries(isObject(properties) ? properties : {}));
  const names = place.isWhole ? [...members.keys()] : Array.isArray(required) ? required : [];
  const sample: Record<string, unknown> = {};
  for (const name of names.map(String)) {
    const value = sampleOf(members.get(name), { ...place, name });
    if (value === undefined) return undefined;
    // Assigned, "__proto__" would be no member.
    Object.defineProperty(sample, name, { value, enumerable: true });
  }
  return sample;
}

function arrayOf({ minItems, items, prefixItems }: JsonSchema, place: Place): unknown {
  if (Array.isArray(prefixItems)) return prefixItems.map((item) => sampleOf(item, place));
  const count = typeof minItems === "number" ? Math.min(minItems, 10) : 0;
  return Array.from({ length: count }, () => sampleOf(items, place));
}

const texts: Readonly<Record<string, string>> = {
  email: "a@b.co",
  "date-time": "2030-01-31T08:00:00Z",
  date: "2030-01-31",
  time: "08:00:00",
  duration: "PT1H",
  uri: "https://example.com",
  uuid: "123e4567-e89b-42d3-a456-426614174000",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
};

function textOf({ format, minLength, maxLength }: JsonSchema, { name }: Place): string {
  const known = typeof format === "string" ? texts[format] : undefined;
  if (known !== undefined) return known;
  const least = typeof minLength === "number" ? Math.min(minLength, 1_000) : 0;
  const most = typeof maxLength === "number" ? maxLength : 1_000;
  return name.padEnd(least, "x").slice(0, most);
}

function numberOf(schema: JsonSchema): number {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const step = typeof multipleOf === "number" ? multipleOf : 1;
  const least = [minimum, plus(exclusiveMinimum, step)].filter(isNumber);
  const most = [maximum, plus(exclusiveMaximum, -step)].filter(isNumber);
  const wanted = Math.min(Math.max(step, ...least), ...most);
  return Math.ceil(wanted / step) * step;
}

function plus(value: unknown, step: number): number | null {
  return isNumber(value) ? value + step : null;
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function referred(reference: string, root: JsonSchema): unknown {
  if (!reference.startsWith("#")) return undefined;
  let found: unknown = root;
  for (const name of reference.slice(1).split("/").filter(Boolean)) {
    found = isObject(found) ? found[name.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return found;
}
