import type { StandardSchemaV1 } from "@standard-schema/spec";
import { expect, test } from "vitest";
import { z } from "zod";
import { findSecretPaths, findTaskSecrets } from "../../src/core/find-secret-paths.ts";
import { secret } from "../../src/core/secret.ts";

const key = secret(z.string());

test.each<[string, z.ZodType, string[][]]>([
  ["nothing", z.object({ a: z.string() }), []],
  ["the whole value", key, [[]]],
  ["members", z.object({ a: key, b: z.object({ c: key }) }), [["a"], ["b", "c"]]],
  ["what has checks behind the mark", z.object({ a: key.min(5) }), [["a"]]],
  [
    "optional, defaulted, nullable",
    z.object({ a: key.optional(), b: key.default("x") }),
    [["a"], ["b"]],
  ],
  ["transformed", z.object({ a: key.transform((text) => text.length) }), [["a"]]],
  ["preprocessed", z.object({ a: z.preprocess((value) => value, key) }), [["a"]]],
  ["coerced", z.object({ a: secret(z.coerce.string()) }), [["a"]]],
  ["lists", z.object({ a: z.array(z.object({ b: key })) }), [["a", "*", "b"]]],
  ["tuples", z.tuple([z.string(), key]), [["1"]]],
  ["records", z.record(z.string(), key), [["*"]]],
  ["unions", z.union([z.object({ a: key }), z.object({ b: key })]), [["a"], ["b"]]],
  ["intersections", z.object({ a: key }).and(z.object({ b: z.string() })), [["a"]]],
])("%s", (_, schema, paths) => {
  expect(findSecretPaths(schema)).toEqual(paths);
});

test("a schema that contains itself has its secrets at any depth", () => {
  const node = z.object({
    token: key,
    get children() {
      return z.array(node);
    },
  });
  expect(findSecretPaths(z.object({ root: node }))).toEqual([
    ["root", "token"],
    ["root", "**", "token"],
  ]);
});

const standard = (jsonSchema: unknown): StandardSchemaV1 =>
  ({
    "~standard": {
      version: 1,
      vendor: "another",
      validate: (value: unknown) => ({ value }),
      jsonSchema: { input: () => jsonSchema },
    },
  }) as StandardSchemaV1; // why: an interface beside the standard's own

test("another library's schemas are found by their JSON Schema", () => {
  const schema = standard({
    $defs: { node: { properties: { next: { $ref: "#/$defs/node" }, pin: { writeOnly: true } } } },
    properties: { a: { "x-taskrun-secret": true }, node: { $ref: "#/$defs/node" } },
    anyOf: [{ items: { properties: { b: { writeOnly: true } } } }],
  });
  expect(findSecretPaths(schema)).toEqual([
    ["a"],
    ["node", "pin"],
    ["node", "**", "pin"],
    ["*", "b"],
  ]);
});

test("a schema that can't be read has none", () => {
  const broken = standard(null);
  Object.defineProperty(broken["~standard"], "jsonSchema", {
    get() {
      throw new Error("no");
    },
  });
  expect(findSecretPaths(broken)).toEqual([]);
  expect(findSecretPaths(null)).toEqual([]);
});

test("what redact names holds for payloads and outputs, what is marked for its own", () => {
  const payload = z.object({ a: key });
  expect(findTaskSecrets(["$.b"], payload, null)).toEqual({
    payload: [["b"], ["a"]],
    output: [["b"]],
  });
  expect(findTaskSecrets([], z.string(), null)).toBeNull();
});
