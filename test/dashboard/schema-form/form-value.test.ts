import fc from "fast-check";
import { expect, test } from "vitest";
import { formatPath } from "../../../src/core/schema-issues.ts";
import {
  finishedValue,
  parsedJson,
  parsedPath,
  samePath,
  startValue,
  Unparsed,
  unparsedIn,
  withoutMasks,
} from "../../../src/dashboard/schema-form/form-value.ts";

const schema = {
  type: "object",
  properties: {
    name: { type: "string" },
    kind: { const: "mail" },
    urgent: { type: "boolean" },
    tags: { type: "array", items: { type: "string" } },
    zip: { type: ["string", "null"] },
    inner: { type: "object", properties: { n: { type: "number" } }, required: ["n"] },
    extra: { type: "object", properties: { n: { type: "number" } } },
  },
  required: ["name", "kind", "urgent", "tags", "zip", "inner"],
};

test("a form starts with what must be there and can be told", () => {
  expect(startValue(schema, schema, true)).toEqual({
    name: undefined,
    kind: "mail",
    urgent: false,
    tags: [],
    zip: undefined,
    inner: { n: undefined },
  });
  expect(startValue(schema, schema, false)).toBeUndefined();
});

test("a schema that needs itself for ever doesn't hang the form", () => {
  const endless = { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] };
  expect(JSON.stringify(startValue(endless, endless, true)).length).toBeLessThan(500);
});

test("what was left empty is not sent, or is null where only that is right", () => {
  const value = { ...Object(startValue(schema, schema, true)), tags: ["a", undefined], more: 1 };
  expect(finishedValue(value, schema, schema)).toEqual({
    kind: "mail",
    urgent: false,
    tags: ["a", null],
    zip: null,
    inner: {},
    more: 1,
  });
});

test("a text that isn't JSON is kept, and found with its place", () => {
  expect(parsedJson(" ")).toBeUndefined();
  expect(parsedJson('{"a":[1]}')).toEqual({ a: [1] });
  const unparsed = parsedJson("{a");
  expect(unparsed).toBeInstanceOf(Unparsed);
  expect(unparsedIn({ list: [1, unparsed] }, ["payload"])).toEqual([
    { path: ["payload", "list", 1], problem: expect.any(String) },
  ]);
  expect(finishedValue(unparsed, {}, {})).toBeUndefined();
});

test("a secret that was shown as a mask is not taken for a value", () => {
  const shown = { key: "[secret]", users: [{ id: 1, token: "[secret]" }, "[secret]"], n: null };
  expect(withoutMasks(shown)).toEqual({ users: [{ id: 1 }, undefined], n: null });
});

test("a path that the server writes is read as it was meant", () => {
  expect(parsedPath('$.payload.items[2]["unit price"]')).toEqual([
    "payload",
    "items",
    2,
    "unit price",
  ]);
  const part = fc.oneof(fc.nat(), fc.string({ unit: "grapheme" }));
  fc.assert(
    fc.property(fc.array(part), (path) => {
      expect(samePath(parsedPath(formatPath(path)), path)).toBe(true);
    }),
  );
});

test("paths are the same part by part", () => {
  expect(samePath(["a", 1], ["a", "1"])).toBe(true);
  expect(samePath(["a"], ["a", 1])).toBe(false);
});
