/**
 * Says a payload's schema as JSON Schema: what a job may be queued with, for those who can't run
 * the schema itself. What can't be said is left open, never guessed: a JSON Schema that refuses
 * what the task would take stops jobs that are right.
 */

import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import type * as Zod from "zod";
import { isMarked } from "../../core/secret.ts";

type JsonSchema = Record<string, unknown>;

const target = "draft-2020-12";

/** The schema as JSON text that jsonb takes; null when it can't be said. Never rejects. */
export async function payloadJsonSchema(schema: StandardSchemaV1): Promise<string | null> {
  const said = (await fromZod(schema)) ?? fromStandard(schema);
  if (said === null) return null;
  const { $schema: _, "~standard": __, ...rest } = said;
  try {
    const json = JSON.stringify(rest);
    return /\\u(0000|d[89a-f])/i.test(json) ? null : json;
  } catch {
    return null;
  }
}

/** Of zod, whatever copy of it the project has. */
async function fromZod(schema: StandardSchemaV1): Promise<JsonSchema | null> {
  if (schema["~standard"].vendor !== "zod" || !("_zod" in schema)) return null;
  try {
    // Loaded here: a project without zod needs none of it.
    const { toJSONSchema } = await import("zod");
    // why: the vendor says so, and what isn't one makes it throw
    return toJSONSchema(schema as unknown as Zod.core.$ZodType, {
      target,
      io: "input",
      unrepresentable: "any",
      override: ({ zodSchema, jsonSchema }) => loosen(zodSchema, jsonSchema),
    });
  } catch {
    return null;
  }
}

/** Of any library that says its schemas itself, by the Standard JSON Schema interface. */
function fromStandard(schema: StandardSchemaV1): JsonSchema | null {
  const standard: StandardSchemaV1.Props & Partial<StandardJSONSchemaV1.Props> =
    schema["~standard"];
  try {
    const said: unknown = standard.jsonSchema?.input({ target });
    return typeof said === "object" && said !== null ? { ...said } : null;
  } catch {
    return null;
  }
}

/** Takes back what zod says of a value after it was changed, not of the one that comes in. */
function loosen(schema: Zod.core.$ZodTypes, json: JsonSchema): void {
  const { def } = schema._zod;
  if (isMarked(json)) for (const key of tellingKeys) delete json[key];
  if (takesAnything(def)) {
    for (const key of Object.keys(json)) if (!markKeys.has(key)) delete json[key];
  } else if (def.type === "object") {
    loosenRequired(def, json);
  } else {
    const { checks = [] } = def;
    if (checks.some((check) => check._zod.def.check === "overwrite")) {
      for (const key of boundKeys) delete json[key];
    }
    if (patternsOf(schema).some(({ flags }) => /[^uvd]/.test(flags))) {
      delete json.pattern;
      delete json.allOf;
    }
  }
}

function takesAnything(def: Zod.core.$ZodTypes["_zod"]["def"]): boolean {
  if ("coerce" in def && def.coerce === true) return true;
  if (def.type === "catch") return true;
  return def.type === "pipe" && def.in._zod.def.type === "transform";
}

/** What they say of a secret is one. */
const tellingKeys = ["default", "examples"];
const markKeys: ReadonlySet<string> = new Set(["x-taskrun-secret", "writeOnly"]);

/** `trim()` and its like change a value before what stands behind them looks at it. */
const boundKeys = [
  "minLength",
  "maxLength",
  "pattern",
  "format",
  "contentEncoding",
  "allOf",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minItems",
  "maxItems",
];

/** What takes anything takes nothing as well. */
function loosenRequired(def: Zod.core.$ZodObjectDef, json: JsonSchema): void {
  const { required, properties } = json;
  if (!Array.isArray(required)) return;
  const said = new Map(Object.entries(properties ?? {}));
  const kept = required.filter((name) => {
    const optional = def.shape[name]?._zod.optin === "optional";
    return !optional && Object.keys(said.get(name) ?? {}).length > 0;
  });
  if (kept.length > 0) json.required = kept;
  else delete json.required;
}

/** JSON Schema has no flags. */
function patternsOf(schema: Zod.core.$ZodTypes): RegExp[] {
  const { def, bag } = schema._zod;
  const defs: object[] = [def, ...(def.checks ?? []).map((check) => check._zod.def)];
  const own = defs.map((each) => ("pattern" in each ? each.pattern : undefined));
  const inBag = "patterns" in bag && bag.patterns instanceof Set ? [...bag.patterns] : [];
  return [...own, ...inBag].filter((pattern) => pattern instanceof RegExp);
}
