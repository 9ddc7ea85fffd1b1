import { expect, test } from "vitest";
import { z } from "zod";
import { parsePayloadFields } from "../../../src/cli/scaffold/payload-fields.ts";

test("every type is code of zod that takes the sample", () => {
  const types = "string email url uuid date datetime int number boolean json s|m int[] s|m[]";
  const text = types
    .split(" ")
    .map((type, index) => `f${index}:${type}`)
    .join(", ");
  const fields = parsePayloadFields(text);
  expect(fields).toHaveLength(13);
  for (const { code, sample, optional } of fields) {
    const schema: z.ZodType = new Function("z", `return ${code}`)(z);
    expect(schema.safeParse(sample), code).toMatchObject({ success: true });
    expect([schema.safeParse(undefined).success, optional], code).toEqual([false, false]);
  }
});

test.each(["count:int?", "count?:int", " count : int ? ".replaceAll(" ?", "?")])("%s", (text) => {
  expect(parsePayloadFields(text)).toEqual([
    { name: "count", code: "z.int().optional()", sample: 1, optional: true },
  ]);
});

test("a name alone is a string", () => {
  expect(parsePayloadFields("to")[0]?.code).toBe("z.string()");
});

test.each([
  ["", "a field's name is missing"],
  ["a,,b", "a field's name is missing"],
  ["a:in", 'there is no type "in"; did you mean int?'],
  ["a:constructor", 'there is no type "constructor"'],
  ["1a:int", "a field's name has letters"],
  ["a:int:string", "there is more than one type"],
  ["a:s||m", "a choice is empty"],
  ["a,b,a:int", 'at "a": the field is there twice'],
])("%s is refused", (text, reason) => {
  expect(() => parsePayloadFields(text)).toThrow(reason);
});
