/**
 * What a JSON Schema asks for at one place, as a field of a form. Pure. What a form can't say well
 * (unions, free keys, references that go round) becomes a field of JSON, never a wrong field.
 */

export type JsonSchema = Readonly<Record<string, unknown>>;

interface FieldFacts {
  readonly description: string | null;
  /** An empty field means null where it may not be left out. */
  readonly isNullable: boolean;
  /** What holds when it is left out; undefined = nothing is said. */
  readonly default: unknown;
}

export interface GroupMember {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly isRequired: boolean;
}

export type FormField = FieldFacts &
  (
    | {
        readonly kind: "text";
        readonly format: string | null;
        readonly isLong: boolean;
        /** It is never shown again once it was sent. */
        readonly isSecret: boolean;
      }
    | { readonly kind: "number"; readonly isWhole: boolean; readonly hint: string | null }
    | { readonly kind: "boolean" }
    | { readonly kind: "choice"; readonly values: readonly unknown[] }
    | { readonly kind: "constant"; readonly value: unknown }
    | { readonly kind: "list"; readonly item: JsonSchema }
    | { readonly kind: "group"; readonly members: readonly GroupMember[] }
    | { readonly kind: "json" }
  );

/** `root` is the whole schema: references point into it. */
export function formField(schema: JsonSchema, root: JsonSchema): FormField {
  const { said, isNullable } = withoutNull(resolved(schema, root), root);
  const facts: FieldFacts = {
    description: text(said.description) ?? text(schema.description),
    isNullable,
    default: schema.default ?? said.default,
  };
  return { ...facts, ...kindOf(said) };
}

type Kind = FormField extends infer Each
  ? Each extends FieldFacts
    ? Omit<Each, keyof FieldFacts>
    : never
  : never;

function kindOf(said: JsonSchema): Kind {
  if ("const" in said) return { kind: "constant", value: said.const };
  if (Array.isArray(said.enum)) return { kind: "choice", values: said.enum };
  const constants = unionOf(said)?.map((one) => ("const" in one ? [one.const] : null));
  if (constants?.every((one) => one !== null)) return { kind: "choice", values: constants.flat() };
  if (said.type === "string") {
    const longest = typeof said.maxLength === "number" ? said.maxLength : null;
    const isLong = longest !== null && longest > 500;
    return { kind: "text", format: text(said.format), isLong, isSecret: said.writeOnly === true };
  }
  if (said.type === "number" || said.type === "integer") {
    return { kind: "number", isWhole: said.type === "integer", hint: bounds(said) };
  }
  if (said.type === "boolean") return { kind: "boolean" };
  if (said.type === "array" && isSchema(said.items)) return { kind: "list", item: said.items };
  if (said.type === "object" && isSchema(said.properties)) {
    const required = Array.isArray(said.required) ? said.required : [];
    const members = Object.entries(said.properties).map(([name, schema]) => ({
      name,
      schema: isSchema(schema) ? schema : {},
      isRequired: required.includes(name),
    }));
    if (members.length > 0) return { kind: "group", members };
  }
  return { kind: "json" };
}

/** Follows `$ref` and an `allOf` of one. */
function resolved(schema: JsonSchema, root: JsonSchema): JsonSchema {
  let said = schema;
  for (let steps = 0; steps < 20; steps += 1) {
    if (typeof said.$ref === "string") said = { ...withoutRef(said), ...at(said.$ref, root) };
    else if (Array.isArray(said.allOf) && said.allOf.length === 1 && isSchema(said.allOf[0])) {
      const { allOf, ...rest } = said;
      said = { ...allOf[0], ...rest };
    } else return said;
  }
  return {};
}

function withoutRef({ $ref: _, ...rest }: JsonSchema): JsonSchema {
  return rest;
}

function at(ref: string, root: JsonSchema): JsonSchema {
  if (!ref.startsWith("#")) return {};
  let found: unknown = root;
  for (const part of ref.slice(1).split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    found = isSchema(found) ? found[name] : undefined;
  }
  return isSchema(found) ? found : {};
}

function withoutNull(
  said: JsonSchema,
  root: JsonSchema,
): { said: JsonSchema; isNullable: boolean } {
  if (Array.isArray(said.type) && said.type.length === 2 && said.type.includes("null")) {
    return { said: { ...said, type: said.type.find((one) => one !== "null") }, isNullable: true };
  }
  const union = unionOf(said);
  const rest = union?.filter((one) => one.type !== "null");
  const [only] = rest ?? [];
  if (union === null || rest?.length !== 1 || union.length === 1 || only === undefined) {
    return { said, isNullable: false };
  }
  const { anyOf: _, oneOf: __, ...others } = said;
  return { said: { ...others, ...resolved(only, root) }, isNullable: true };
}

function unionOf(said: JsonSchema): JsonSchema[] | null {
  const union = said.anyOf ?? said.oneOf;
  return Array.isArray(union) && union.every(isSchema) ? union : null;
}

function bounds({ minimum, maximum }: JsonSchema): string | null {
  const isBound = (value: unknown): value is number =>
    typeof value === "number" && Math.abs(value) < Number.MAX_SAFE_INTEGER;
  if (isBound(minimum) && isBound(maximum)) return `${minimum} to ${maximum}`;
  if (isBound(minimum)) return `at least ${minimum}`;
  return isBound(maximum) ? `at most ${maximum}` : null;
}

export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
