import { expect, test } from "vitest";
import { z } from "zod";
import { samplePayload } from "../../../src/runtime/enqueueing/sample-payload.ts";

const sampleFor = (payloadSchema: z.ZodType | null) => samplePayload({ payloadSchema });

test("a task that takes anything, or nothing, is given nothing", async () => {
  expect(await sampleFor(null)).toEqual({});
  expect(await sampleFor(z.object({ note: z.string().optional() }))).toEqual({});
  expect(await sampleFor(z.object({ size: z.int().default(3) }))).toEqual({});
});

test("what is required is there, as the schema wants it", async () => {
  const tree = z.object({
    name: z.string(),
    get children() {
      return z.array(tree);
    },
  });
  const schema = z.object({
    to: z.email(),
    subject: z.string().min(10).max(12),
    at: z.iso.datetime(),
    link: z.url(),
    id: z.uuid(),
    count: z.int().min(5).max(9),
    share: z.number().gt(2).multipleOf(0.5),
    cold: z.number().max(-3),
    mode: z.enum(["fast", "careful"]),
    kind: z.literal("mail"),
    urgent: z.boolean(),
    nothing: z.null(),
    lines: z.array(z.object({ text: z.string() })).min(2),
    either: z.union([z.object({ bucket: z.string() }), z.string()]),
    pair: z.tuple([z.string(), z.number()]),
    both: z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() })),
    tree,
    optional: z.string().optional(),
  });
  expect(await sampleFor(schema)).toEqual({
    to: "a@b.co",
    subject: "subjectxxx",
    at: "2030-01-31T08:00:00Z",
    link: "https://example.com",
    id: "123e4567-e89b-42d3-a456-426614174000",
    count: 5,
    share: 2.5,
    cold: -3,
    mode: "fast",
    kind: "mail",
    urgent: true,
    nothing: null,
    lines: [{ text: "text" }, { text: "text" }],
    either: { bucket: "bucket" },
    pair: ["pair", 1],
    both: { a: "a", b: 1 },
    tree: { name: "name", children: [] },
  });
  expect(await sampleFor(z.string())).toBe("text");
});

test("what may be left out by its word and not in truth is there too", async () => {
  const schema = z.object({ any: z.unknown(), note: z.string().optional() });
  expect(await sampleFor(schema)).toEqual({ any: {}, note: "note" });
  const either = z.object({ id: z.int().optional(), name: z.string().optional() });
  const oneOfThem = either.refine(({ id, name }) => id !== undefined || name !== undefined);
  expect(await sampleFor(oneOfThem)).toEqual({ id: 1, name: "name" });
});

test("what is refused is not offered, nor what a schema can't be asked for", async () => {
  expect(await sampleFor(z.object({ code: z.string().regex(/^[A-Z]{3}\d$/) }))).toBeUndefined();
  expect(await sampleFor(z.object({ n: z.number() }).refine(() => false))).toBeUndefined();
  expect(await sampleFor(z.object({ when: z.date() }))).toBeUndefined();
  const throws = z.object({ n: z.number() }).refine(() => {
    throw new Error("a rule that fails");
  });
  expect(await sampleFor(throws)).toBeUndefined();
  const endless = z.object({
    get self() {
      return endless;
    },
  });
  expect(await sampleFor(endless)).toBeUndefined();
});

test("a member's name that objects have of themselves is a name like any other", async () => {
  const schema = z.object({ ["__proto__"]: z.string().optional(), constructor: z.string() });
  expect(await sampleFor(schema)).toEqual({ constructor: "constructor" });
});
