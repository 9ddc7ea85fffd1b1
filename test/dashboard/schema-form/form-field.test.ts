import { expect, test } from "vitest";
import { z } from "zod";
import { formField, type JsonSchema } from "../../../src/dashboard/schema-form/form-field.ts";
import { payloadJsonSchema } from "../../../src/runtime/enqueueing/payload-json-schema.ts";

const field = (schema: JsonSchema, root: JsonSchema = schema) => formField(schema, root);

/** As the catalog has it. */
async function published(schema: z.ZodType): Promise<JsonSchema> {
  return JSON.parse((await payloadJsonSchema(schema)) ?? "null");
}

test.each([
  [
    { type: "string", format: "email" },
    { kind: "text", format: "email" },
  ],
  [
    { type: "string", writeOnly: true },
    { kind: "text", isSecret: true },
  ],
  [
    { type: "string", maxLength: 5_000 },
    { kind: "text", isLong: true },
  ],
  [
    { type: "integer", minimum: 1 },
    { kind: "number", isWhole: true, hint: "at least 1" },
  ],
  [
    { type: "number", minimum: 0, maximum: 9 },
    { kind: "number", hint: "0 to 9" },
  ],
  [
    { type: "boolean", default: true },
    { kind: "boolean", default: true },
  ],
  [{ enum: ["a", 1, null] }, { kind: "choice", values: ["a", 1, null] }],
  [{ anyOf: [{ const: "a" }, { const: "b" }] }, { kind: "choice", values: ["a", "b"] }],
  [{ const: 7 }, { kind: "constant", value: 7 }],
  [
    { type: "array", items: { type: "string" } },
    { kind: "list", item: { type: "string" } },
  ],
  [{ type: ["string", "null"] }, { kind: "text", isNullable: true }],
  [{ anyOf: [{ type: "number" }, { type: "null" }] }, { kind: "number", isNullable: true }],
  [
    { allOf: [{ type: "boolean" }], description: "x" },
    { kind: "boolean", description: "x" },
  ],
])("%j", (schema, expected) => expect(field(schema)).toMatchObject(expected));

test.each([
  {},
  { type: "object" },
  { type: "object", additionalProperties: { type: "string" } },
  { anyOf: [{ type: "string" }, { type: "number" }] },
  { oneOf: [{ type: "object" }, { type: "object" }] },
  { type: "array" },
  { type: ["string", "number", "null"] },
  { $ref: "https://example.org/schema" },
  { $ref: "#/$defs/missing" },
  { $ref: "#" },
  { type: "array", items: true },
])("%j is written as JSON", (schema) => expect(field(schema).kind).toBe("json"));

test("a reference is followed, and keeps what stands beside it", () => {
  const root = { $defs: { mail: { type: "string", format: "email" } } };
  expect(field({ $ref: "#/$defs/mail", description: "to whom" }, root)).toMatchObject({
    kind: "text",
    format: "email",
    description: "to whom",
  });
});

test("a schema that zod publishes becomes the form that one expects", async () => {
  const schema = await published(
    z.object({
      to: z.email(),
      copies: z.int().min(0).max(5).default(0),
      tone: z.enum(["kind", "strict"]).optional(),
      address: z.object({ city: z.string(), zip: z.string().nullable() }),
      tags: z.array(z.string()),
      urgent: z.boolean(),
      body: z.union([z.string(), z.object({ html: z.string() })]),
    }),
  );
  const form = field(schema);
  const members = form.kind === "group" ? form.members : [];
  const kinds = members.map(({ name, schema: own, isRequired }) => [
    name,
    formField(own, schema).kind,
    isRequired,
  ]);
  expect(kinds).toEqual([
    ["to", "text", true],
    ["copies", "number", false],
    ["tone", "choice", false],
    ["address", "group", true],
    ["tags", "list", true],
    ["urgent", "boolean", true],
    ["body", "json", true],
  ]);
});

test("a schema that holds itself ends where nothing is filled in", async () => {
  const node: z.ZodType = z.lazy(() => z.object({ name: z.string(), next: node.optional() }));
  const schema = await published(node);
  const form = field(schema);
  const next = form.kind === "group" ? form.members.find(({ name }) => name === "next") : null;
  expect(next?.isRequired).toBe(false);
  expect(next && formField(next.schema, schema).kind).toBe("group");
});
