import { describe, expect, test } from "vitest";
import { z } from "zod";
import { payloadJsonSchema } from "../../../src/runtime/enqueueing/payload-json-schema.ts";

async function said(schema: Parameters<typeof payloadJsonSchema>[0]): Promise<unknown> {
  const json = await payloadJsonSchema(schema);
  return json === null ? null : JSON.parse(json);
}

const shout = (text: string) => text.toUpperCase();

describe("of zod", () => {
  const table: [what: string, schema: z.ZodType, expected: unknown][] = [
    ["a string", z.string().min(2), { type: "string", minLength: 2 }],
    [
      "a value that is transformed: what comes in",
      z.string().transform(Number),
      { type: "string" },
    ],
    ["a pipe: its first part", z.string().transform(Number).pipe(z.int()), { type: "string" }],
    ["what is coerced: anything", z.coerce.number().min(3), {}],
    ["what is preprocessed: anything", z.preprocess(Number, z.number()), {}],
    ["what is caught: anything", z.number().catch(1), {}],
    ["a date: anything", z.date(), {}],
    ["a bigint: anything", z.bigint(), {}],
    ["what is trimmed first: no bounds", z.string().trim().min(2).max(3), { type: "string" }],
    ["what is changed first: no format", z.email().overwrite(shout), { type: "string" }],
    ["a pattern with flags: no pattern", z.string().regex(/^a/i), { type: "string" }],
    ["a pattern without", z.string().regex(/^a/u), { type: "string", pattern: "^a" }],
    [
      "an object: what must be there of what is bounded",
      z.object({
        a: z.string(),
        b: z.string().optional(),
        c: z.string().default("x"),
        d: z.coerce.number(),
        e: z.number().catch(1),
        f: z.unknown(),
        g: z.string().prefault("x"),
      }),
      {
        type: "object",
        properties: {
          a: { type: "string" },
          b: { type: "string" },
          c: { type: "string", default: "x" },
          d: {},
          e: {},
          f: {},
          g: { type: "string", default: "x" },
        },
        required: ["a"],
      },
    ],
    [
      "an object that needs nothing",
      z.object({ a: z.coerce.string().optional() }),
      { type: "object", properties: { a: {} } },
    ],
  ];
  test.each(table)("%s", async (_what, schema, expected) => {
    expect(await said(schema)).toEqual(expected);
  });

  test("a schema that refers to itself", async () => {
    const tree = z.object({
      n: z.number(),
      get children() {
        return z.array(tree);
      },
    });
    expect(await said(tree)).toMatchObject({ properties: { children: { items: { $ref: "#" } } } });
  });

  test("what jsonb would refuse is left out whole", async () => {
    expect(await said(z.literal("a\0b"))).toBeNull();
  });
});

describe("of another library", () => {
  const standard = {
    version: 1,
    vendor: "test",
    validate: (value: unknown) => ({ value }),
  } as const;

  test("the input's side of what it says itself", async () => {
    const jsonSchema = {
      input: ({ target }: { target: string }) => ({ $schema: target, type: "integer" }),
      output: () => ({ type: "string" }),
    };
    expect(await said({ "~standard": { ...standard, jsonSchema } } as never)).toEqual({
      type: "integer",
    });
  });

  test("nothing when it says nothing, or can't", async () => {
    const input = () => {
      throw new Error("not representable");
    };
    expect(await said({ "~standard": standard })).toBeNull();
    const failing = { "~standard": { ...standard, jsonSchema: { input } } };
    expect(await said(failing as never)).toBeNull();
    const posing = { "~standard": { ...standard, vendor: "zod" } };
    expect(await said(posing)).toBeNull();
  });
});
