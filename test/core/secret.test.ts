import { expect, test } from "vitest";
import { z } from "zod";
import { isMarked, secret } from "../../src/core/secret.ts";

test("a marked schema keeps its metadata, its checks and its type", () => {
  const schema = secret(z.string().min(3).meta({ description: "a key" }));
  expect(schema.meta()).toMatchObject({ description: "a key", "x-taskrun-secret": true });
  expect(schema.safeParse("ab").success).toBe(false);
  expect(schema.parse("abc")).toBe("abc");
});

test("the mark goes into the JSON Schema", () => {
  expect(z.toJSONSchema(z.object({ key: secret(z.string()) })).properties).toEqual({
    key: { type: "string", "x-taskrun-secret": true, writeOnly: true },
  });
});

test("a schema that can't carry the mark is refused with the way out", () => {
  expect(() => secret({ "~standard": {} })).toThrow(/redact: \["\$\.apiKey"\]/);
});

test("OpenAPI's own word for it will do", () => {
  expect(isMarked({ writeOnly: true })).toBe(true);
  expect(isMarked({ writeOnly: false })).toBe(false);
  expect(isMarked(undefined)).toBe(false);
});
