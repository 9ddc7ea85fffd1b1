/** The payload contract in SQL, and that it says of a payload what the task's own schema says. */

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { payloadJsonSchema } from "../../src/runtime/enqueueing/payload-json-schema.ts";
import { publishTasks } from "../../src/runtime/enqueueing/publish-tasks.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../support/test-runtime.ts";

let runtime: TestRuntime;

beforeAll(async () => {
  runtime = await testRuntime({});
});

afterAll(() => runtime.stop());

/** By the function that lets its errors out, unlike `payload_issues`. */
async function issues(schema: unknown, value: unknown): Promise<[path: string, message: string][]> {
  const { rows } = await runtime.db.query(
    `select path, message from unnest(taskrun.schema_issues($1, $2, $2, '$', 0))`,
    [JSON.stringify(value), JSON.stringify(schema)],
  );
  return rows.map(({ path, message }) => [path, message]);
}

/** The linter takes an object with that key for a promise. */
const then = (schema: unknown) => JSON.parse(`{"then":${JSON.stringify(schema)}}`);

test("of what is very long, or wrong very often, the beginning is told", async () => {
  await using kit = await testRuntime({
    strict: { payload: z.strictObject({ to: z.array(z.string()) }), handler: async () => 1 },
  });
  const schemas = schemasFor("graphile_worker");
  await publishTasks({ db: kit.db, schemas, catalog: kit.catalog, processId: null });
  const refusalOf = async (payload: unknown) => {
    const call = kit.db.query("select taskrun.add_job('strict', $1)", [JSON.stringify(payload)]);
    const { message, detail } = await call.then(
      () => ({ message: "it was taken", detail: "" }),
      (refusal) => refusal,
    );
    expect(message.length).toBeLessThan(2_200);
    expect(detail.length).toBeLessThan(80_000);
    return message;
  };
  expect(await refusalOf({ to: [], ["x".repeat(200_000)]: 1 })).toMatch(
    /wrong at \$: unknown property "x+\.\.\. \(\d+ characters\)$/,
  );
  expect(await refusalOf({ to: Array(5_000).fill({ a: "x".repeat(50) }) })).toMatch(
    /\$\.to\[0\]: expected a string, got an object; .*; and 4980 more$/,
  );
  const names = Array.from({ length: 300 }, (_, n) => [`${n}${"y".repeat(500)}`, n]);
  expect(await refusalOf(Object.fromEntries(names))).toMatch(/; and \d+ more$/);
});

describe("each keyword of JSON Schema", () => {
  type Case = [schema: unknown, right: unknown[], wrong: [value: unknown, ...issues: string[]][]];
  const table: Case[] = [
    [true, [1, null], []],
    [false, [], [[1, "$: nothing is allowed here"]]],
    [{ type: "string" }, ["", "a"], [[1, "$: expected a string, got 1"]]],
    [
      { type: ["string", "null"] },
      ["a", null],
      [[[], "$: expected a string or null, got an array"]],
    ],
    [{ type: "number" }, [1, 1.5, -0], [["1", "$: expected a number, got a string"]]],
    [{ type: "integer" }, [1, 1.0, 1e20], [[1.5, "$: expected a whole number, got 1.5"]]],
    [{ type: "boolean" }, [true, false], [[0, "$: expected true or false, got 0"]]],
    [{ type: "null" }, [null], [[{}, "$: expected null, got an object"]]],
    [{ type: "array" }, [[]], [[{}, "$: expected an array, got an object"]]],
    [{ type: "object" }, [{}], [[[], "$: expected an object, got an array"]]],
    [{ minLength: 2 }, ["ab", "😀😀", 5], [["a", "$: expected at least 2 characters, got 1"]]],
    [{ maxLength: 2 }, ["ab", "😀😀"], [["abc", "$: expected at most 2 characters, got 3"]]],
    [{ pattern: "b+" }, ["abb"], [["a", '$: "a" does not match the pattern b+']]],
    [{ minimum: 1 }, [1, "0"], [[0, "$: expected at least 1, got 0"]]],
    [{ maximum: 1 }, [1], [[1.1, "$: expected at most 1, got 1.1"]]],
    [{ exclusiveMinimum: 1 }, [1.1], [[1, "$: expected more than 1, got 1"]]],
    [{ exclusiveMaximum: 1 }, [0.9], [[1, "$: expected less than 1, got 1"]]],
    [{ multipleOf: 0.1 }, [0.3, 7], [[0.35, "$: expected a multiple of 0.1, got 0.35"]]],
    [{ const: { a: 1 } }, [{ a: 1 }], [[{ a: 2 }, '$: expected {"a": 1}, got {"a": 2}']]],
    [{ enum: ["a", 1, null] }, ["a", 1, null], [["b", '$: expected one of "a", 1, null, got "b"']]],
    [
      { properties: { a: { type: "string" }, "b c": { type: "number" } }, required: ["a"] },
      [{ a: "x" }, { a: "x", "b c": 1, d: null }],
      [
        [{}, "$.a: is missing"],
        [
          { a: 1, "b c": "x" },
          "$.a: expected a string, got 1",
          '$["b c"]: expected a number, got a string',
        ],
      ],
    ],
    [
      { properties: { a: true }, additionalProperties: false },
      [{}, { a: 1 }],
      [[{ a: 1, b: 2 }, '$: unknown property "b"']],
    ],
    [
      { additionalProperties: { type: "number" } },
      [{ a: 1 }],
      [[{ a: "x" }, "$.a: expected a number, got a string"]],
    ],
    [
      { patternProperties: { "^n": { type: "number" } }, additionalProperties: false },
      [{ n1: 1 }],
      [[{ n1: "x", m: 1 }, "$.n1: expected a number, got a string", '$: unknown property "m"']],
    ],
    [
      { propertyNames: { maxLength: 1 } },
      [{ a: 1 }],
      [[{ ab: 1 }, '$: no property may be called "ab"']],
    ],
    [{ minProperties: 1 }, [{ a: 1 }], [[{}, "$: expected at least 1 properties, got 0"]]],
    [{ maxProperties: 0 }, [{}], [[{ a: 1 }, "$: expected at most 0 properties, got 1"]]],
    [
      { items: { properties: { to: { type: "string" } } } },
      [[], [{ to: "a" }, {}]],
      [[[{}, { to: "a" }, { to: 1 }], "$[2].to: expected a string, got 1"]],
    ],
    [
      { prefixItems: [{ type: "string" }], items: { type: "number" } },
      [[], ["a", 1, 2]],
      [[[1, "a"], "$[0]: expected a string, got 1", "$[1]: expected a number, got a string"]],
    ],
    [{ prefixItems: [true], items: false }, [[1]], [[[1, 2], "$[1]: nothing is allowed here"]]],
    [
      { items: [{ type: "string" }], additionalItems: false },
      [["a"]],
      [[["a", 1], "$[1]: nothing is allowed here"]],
    ],
    [{ minItems: 1 }, [[1]], [[[], "$: expected at least 1 items, got 0"]]],
    [{ maxItems: 1 }, [[1]], [[[1, 2], "$: expected at most 1 items, got 2"]]],
    [
      { uniqueItems: true },
      [[1, "1"], []],
      [[[{ a: 1 }, { a: 1 }], "$: expected items that all differ"]],
    ],
    [
      { contains: { type: "number" }, minContains: 2, maxContains: 3 },
      [[1, "a", 2]],
      [[[1, "a"], "$: 1 of its items are as some have to be"]],
    ],
    [{ contains: { type: "number" } }, [[1]], [[[], "$: 0 of its items are as some have to be"]]],
    [{ allOf: [{ minimum: 1 }, { maximum: 2 }] }, [1], [[3, "$: expected at most 2, got 3"]]],
    [
      { anyOf: [{ type: "string" }, { type: "number", minimum: 5 }] },
      ["a", 5],
      [
        [4, "$: expected at least 5, got 4"],
        [
          null,
          "$: fits none of what is allowed: expected a number, got null; expected a string, got null",
        ],
      ],
    ],
    [
      {
        oneOf: [
          { properties: { kind: { const: "a" }, n: { type: "number" } }, required: ["kind", "n"] },
          { properties: { kind: { const: "b" }, s: { type: "string" } }, required: ["kind", "s"] },
        ],
      },
      [{ kind: "a", n: 1 }],
      [[{ kind: "b", s: 1 }, "$.s: expected a string, got 1"]],
    ],
    [
      { oneOf: [{ minimum: 1 }, { maximum: 2 }] },
      [0, 3],
      [[1, "$: fits more than one of what is allowed"]],
    ],
    [{ not: { type: "string" } }, [1], [["a", '$: "a" is not allowed here']]],
    [
      { if: { minimum: 10 }, ...then({ multipleOf: 10 }), else: { multipleOf: 2 } },
      [20, 4],
      [
        [15, "$: expected a multiple of 10, got 15"],
        [3, "$: expected a multiple of 2, got 3"],
      ],
    ],
    [
      { $defs: { "a/b": { type: "string" } }, properties: { x: { $ref: "#/$defs/a~1b" } } },
      [{ x: "a" }],
      [[{ x: 1 }, "$.x: expected a string, got 1"]],
    ],
    [
      { properties: { n: { type: "number" }, child: { $ref: "#" } } },
      [{ child: { child: { n: 1 } } }],
      [[{ child: { child: { n: "x" } } }, "$.child.child.n: expected a number, got a string"]],
    ],
  ];
  test.each(table)("%j", async (schema, right, wrong) => {
    for (const value of right) expect([value, await issues(schema, value)]).toEqual([value, []]);
    for (const [value, ...expected] of wrong) {
      const found = await issues(schema, value);
      expect(found.map(([path, message]) => `${path}: ${message}`)).toEqual(expected);
    }
  });

  test.each([
    [{ $ref: "#/nowhere" }],
    [{ $ref: "https://example.com/schema" }],
    [{ pattern: "\\p{L}", type: "string" }],
    [{ pattern: "[\\p{L}x]" }],
    [{ pattern: "(" }],
    [{ pattern: "a{1,999}" }],
    [{ format: "hostname" }],
    [{ type: "text" }],
    [{ whatever: 1 }],
    [{ $ref: "#" }],
  ])("%j is passed over", async (schema) => {
    expect(await issues(schema, "5 !")).toEqual([]);
  });

  test("values are followed down to 60 levels, and taken as they are below", async () => {
    const nest = (depth: number, inner: unknown, wrap: (inner: unknown) => unknown): unknown =>
      depth === 0 ? inner : nest(depth - 1, wrap(inner), wrap);
    const schema = { type: "array", items: { anyOf: [{ $ref: "#" }, { const: 1 }] } };
    expect(
      await issues(
        schema,
        nest(12, 1, (inner) => [inner]),
      ),
    ).toEqual([]);
    expect(
      await issues(
        schema,
        nest(12, 2, (inner) => [inner]),
      ),
    ).not.toEqual([]);
    expect(
      await issues(
        schema,
        nest(500, 2, (inner) => [inner]),
      ),
    ).toEqual([]);
  });
});

describe("add_job and add_jobs", () => {
  const mail = z.object({
    to: z.email(),
    copies: z.array(z.object({ to: z.email() })).optional(),
  });
  const right = { to: "a@b.co" };
  const wrong = { to: 5, copies: [{ to: "a@b.co" }, {}] };
  let kit: TestRuntime;

  beforeAll(async () => {
    kit = await testRuntime({
      mail: { payload: mail, aliases: ["mail:send"], handler: () => null },
      loose: () => null,
    });
    const schemas = schemasFor("graphile_worker");
    await publishTasks({ db: kit.db, schemas, catalog: kit.catalog, processId: null });
  });

  afterAll(() => kit.stop());

  const add = (task: string, payload: unknown, options: unknown = {}) =>
    kit.db.query("select taskrun.add_job($1, $2, $3) as id", [
      task,
      JSON.stringify(payload),
      JSON.stringify(options),
    ]);
  const addMany = (jobs: unknown) =>
    kit.db.query("select taskrun.add_jobs($1)", [JSON.stringify(jobs)]);

  const refusal = {
    code: "23514",
    message: expect.stringContaining(
      "the payload for mail is wrong at $.to: expected a string, got 5; $.copies[1].to: is missing",
    ),
    hint: expect.stringContaining('"validate": false'),
  };

  test("refuse a payload that breaks the schema, with each path, and add nothing", async () => {
    await expect(add("mail", wrong)).rejects.toMatchObject(refusal);
    await expect(add("mail", wrong)).rejects.toMatchObject({
      detail: expect.stringContaining('{"path" : "$.copies[1].to", "message" : "is missing"}'),
    });
    const list = [
      { task: "loose" },
      { task: "mail", payload: right },
      { task: "mail", payload: wrong },
    ];
    await expect(addMany(list)).rejects.toMatchObject({
      ...refusal,
      message: expect.stringMatching(/add_jobs: job 3 of the list: the payload for mail is wrong/),
    });
    const { rows } = await kit.db.query("select count(*)::int as n from taskrun.jobs");
    expect(rows).toEqual([{ n: 0 }]);
  });

  test("hold for aliases, for a payload left out and for jobs with more options", async () => {
    await expect(add("mail:send", {})).rejects.toThrow(
      "the payload for mail:send is wrong at $.to",
    );
    await expect(kit.db.query("select taskrun.add_job('mail')")).rejects.toThrow(
      "$.to: is missing",
    );
    await expect(add("mail", {}, { retry: {}, delay: "1h" })).rejects.toThrow("$.to: is missing");
    await expect(addMany([{ task: "mail", options: { retry: {} } }])).rejects.toThrow("is missing");
  });

  test("take what fits, what is told not to be checked, and tasks that nobody knows", async () => {
    await add("mail", right);
    await add("mail", wrong, { validate: false });
    await add("elsewhere", wrong);
    await add("loose", 5);
    await addMany([
      { task: "mail", payload: right },
      { task: "mail", payload: wrong, options: { validate: false } },
      { task: "mail", payload: wrong, options: { validate: false, retry: {} } },
      { task: "elsewhere", payload: 5 },
    ]);
    const { rows } = await kit.db.query("select count(*)::int as n from taskrun.jobs");
    expect(rows).toEqual([{ n: 8 }]);
  });

  test("payload_issues says what is wrong as rows", async () => {
    const { rows } = await kit.db.query("select * from taskrun.payload_issues('mail', $1)", [
      JSON.stringify(wrong),
    ]);
    expect(rows).toEqual([
      { path: "$.to", message: "expected a string, got 5" },
      { path: "$.copies[1].to", message: "is missing" },
    ]);
  });

  test("a schema that is none stops nobody", async () => {
    await kit.db.query(
      `insert into taskrun.tasks (name, task, payload_schema)
       values ('odd', 'odd', '{"required": 5, "minLength": "x"}')`,
    );
    for (const payload of [{}, "text"]) await add("odd", payload);
  });
});

describe("formats", () => {
  const table: [format: string, right: string[], wrong: string[]][] = [
    ["email", ["a@b.co", "ä+x@y"], ["a", "a b@c", "@", "a@"]],
    [
      "uuid",
      ["123e4567-e89b-12d3-a456-426614174000"],
      ["123e4567", "g23e4567-e89b-12d3-a456-426614174000"],
    ],
    [
      "date-time",
      ["2024-02-29T23:59:59.123Z", "2024-01-01T00:00:00+02:00"],
      ["2024-02-30T00:00:00Z", "2024-01-01", "2024-01-01T00:00:00", "now"],
    ],
    ["date", ["2024-02-29"], ["2023-02-29", "2024-1-1", "today", "2024-13-01"]],
    ["time", ["23:59:59", "00:00:00.5Z"], ["24:59:00", "1:00:00", "noon"]],
    ["uri", ["https://a.b/c?d", "mailto:a@b"], ["a.b", "//x", ""]],
    ["ipv4", ["1.2.3.4", "255.255.255.0"], ["1.2.3", "1.2.3.4.", "256.1.1.1", "1.2.3.4/8"]],
    ["ipv6", ["::1", "fe80::1", "::ffff:1.2.3.4"], ["1.2.3.4", "::g", ":::", "::1/64"]],
  ];
  test.each(table)("%s", async (format, right, wrong) => {
    for (const value of right)
      expect([value, await issues({ format }, value)]).toEqual([value, []]);
    for (const value of wrong) {
      expect(await issues({ format }, value)).toEqual([
        ["$", `${JSON.stringify(value)} is not of the format "${format}"`],
      ]);
    }
  });
});

describe("patterns of JavaScript mean the same", () => {
  const table: [pattern: RegExp, texts: string[]][] = [
    [/^\d+$/, ["12", "١٢", "a", ""]],
    [/^\w+$/, ["a_1", "ä", "a-b"]],
    [/^[\w-]+$/, ["a-b", "a.b", "ä"]],
    [/^[\w.+-]+$/, ["a.b+c-d", "a b"]],
    [/^[\d-z]+$/, ["1-z", "5", "y"]],
    [/\bfoo\b/, ["a foo b", "food", "foo"]],
    [/\Bfoo/, ["afoo", "foo"]],
    [/^a.c$/, ["abc", "a\nc", "a\rc"]],
    [/^a$/, ["a", "a\n", "b\na"]],
    [/^[^a]$/, ["\n", "b", "a"]],
    [/^[a[]+]$/, ["a[]", "a]", "["]],
    [/^\x41\u0042$/, ["AB", "ab"]],
    [/^(?<year>\d{4})-(?:\d\d)$/, ["2024-01", "24-01"]],
    [/^(?!.*\.\.)a/, ["a.b", "a..b"]],
    [/(?<=\$)\d/, ["$5", "5"]],
    [/^a+?b*?$/, ["ab", "c"]],
    [/^(a|b)\1$/, ["aa", "ab"]],
    [/^\/x-y$/, ["/x-y", "x"]],
    [/^[\]\\^-]+$/, ["]\\^-", "a"]],
    [/^\s\S$/, [" a", "aa", "  "]],
    [/^[\s\S]$/, ["\n", "ab"]],
    [/^\W\D$/, ["-a", "ä-", "1a", "-1"]],
    [/^\t\n\f\v\r$/, ["\t\n\f\v\r", "tnfvr"]],
    [/^AmZ$/, ["AmZ", "A"]],
    [/^\cA$/, ["\u0001", "cA"]],
  ];
  test.each(table)("%s", async (pattern, texts) => {
    const { rows } = await runtime.db.query(
      `select text, taskrun.fits_pattern(text, $2) as fits,
         text ~ taskrun.translated_pattern($2) is not null as said
       from unnest($1::text[]) as text`,
      [texts, pattern.source],
    );
    expect(rows).toEqual(texts.map((text) => ({ text, fits: pattern.test(text), said: true })));
  });
});

describe("says yes and no as zod does", () => {
  // Texts and numbers near the bounds of the schemas below.
  const text = fc.oneof(
    fc.constantFrom("", "a", "ab", "abc", "x1", "X", "a@b.co", "a@b", "2024-02-30", "2024-02-29"),
    fc.constantFrom("2024-01-01T10:00:00Z", "2024-01-01T10:00:00", "10:00", "1.2.3.4", "::1"),
    fc.constantFrom("https://x.y", "123e4567-e89b-12d3-a456-426614174000", "a\nb", "ä", "key"),
    fc.string({ unit: "grapheme-ascii", maxLength: 6 }),
  );
  const number = fc.oneof(fc.integer({ min: -3, max: 12 }), fc.constantFrom(0.5, 1e20, 0.3, -0.1));
  const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      text,
      number,
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom("a", "b", "c", "kind", "x1"), tie("value"), { maxKeys: 4 }),
    ),
  }));

  /** A schema, and payloads that it takes more often than not. */
  interface Pair {
    readonly schema: z.ZodType;
    readonly near: fc.Arbitrary<unknown>;
  }
  const some = (schema: z.ZodType, ...near: unknown[]): Pair => ({
    schema,
    near: fc.constantFrom(...near),
  });
  const leaf = fc.constantFrom(
    { schema: z.string(), near: text },
    { schema: z.number(), near: number },
    { schema: z.unknown(), near: anyValue },
    some(z.string().min(1).max(3), "a", "abc", "abcd"),
    some(z.string().regex(/^[a-z]\w*$/), "a_1", "1", "a\n"),
    some(z.string().startsWith("a").endsWith("b"), "a.b", "ab", "a", "b"),
    some(z.email(), "a@b.co", "a.b+c@d.e-f.gh", "a..b@c.de", "a@b"),
    some(z.uuid(), "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
    some(z.url(), "https://x.y/z?q#f", "x.y"),
    some(
      z.iso.datetime(),
      "2024-02-29T10:00:00Z",
      "2024-01-01T10:00:00.123Z",
      "2023-02-29T10:00:00Z",
    ),
    some(
      z.iso.datetime({ offset: true, local: true }),
      "2024-01-01T10:00:00+02:00",
      "2024-01-01T10:00",
    ),
    some(z.iso.date(), "2024-02-29", "2023-02-29"),
    some(z.iso.time(), "10:00", "10:00:00.5", "25:00"),
    some(z.ipv4(), "1.2.3.4", "1.2.3.400"),
    some(z.ipv6(), "::1", "fe80::1:2", "1.2.3.4"),
    some(z.base64(), "aGk=", "", "aGk"),
    some(z.number().min(1).lt(10), 1, 9.9, 10, 0),
    some(z.number().multipleOf(0.1), 0.3, 0.35, -0.1, 7),
    some(z.int(), 3, -3, 3.5, 1e20),
    some(z.int().positive(), 1, 0),
    some(z.boolean(), true, false, 0),
    some(z.null(), null),
    some(z.literal("key"), "key"),
    some(z.literal([1, 2, null]), 1, null, 3),
    some(z.enum(["a", "b"]), "a", "b", "c"),
    some(z.templateLiteral(["x", z.number()]), "x1", "x-2.5", "x"),
  );
  const one = (tie: fc.LetrecTypedTie<{ pair: Pair }>, make: (of: Pair) => Pair) =>
    tie("pair").map(make);
  const two = (tie: fc.LetrecTypedTie<{ pair: Pair }>, make: (a: Pair, b: Pair) => Pair) =>
    fc.tuple(tie("pair"), tie("pair")).map(([a, b]) => make(a, b));
  const record = (fields: Record<string, fc.Arbitrary<unknown>>) =>
    fc.record(fields, { requiredKeys: ["a"].filter((key) => key in fields) });
  const object =
    (make: typeof z.object | typeof z.strictObject | typeof z.looseObject) =>
    (a: Pair, b: Pair): Pair => ({
      schema: make({ a: a.schema, b: b.schema.optional() }),
      near: record({ a: a.near, b: b.near }),
    });
  const { pair: anyPair } = fc.letrec<{ pair: Pair }>((tie) => ({
    pair: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaf,
      one(tie, ({ schema, near }) => ({ schema: z.nullable(schema), near: fc.option(near) })),
      one(tie, ({ schema, near }) => ({
        schema: z.array(schema),
        near: fc.array(near, { maxLength: 3 }),
      })),
      one(tie, ({ schema, near }) => ({
        schema: z.array(schema).min(1).max(2),
        near: fc.array(near, { maxLength: 3 }),
      })),
      one(tie, ({ schema, near }) => ({
        schema: z.record(z.string().regex(/^[ab]/), schema),
        near: fc.dictionary(fc.constantFrom("a", "b1"), near),
      })),
      one(tie, ({ schema, near }) => ({
        schema: z.partialRecord(z.enum(["a", "b"]), schema),
        near: record({ a: near, b: near }),
      })),
      one(tie, ({ schema, near }) => ({
        schema: z.object({ a: schema.optional() }).catchall(z.number()),
        near: record({ a: near, b: number }),
      })),
      two(tie, (a, b) => ({
        schema: z.union([a.schema, b.schema]),
        near: fc.oneof(a.near, b.near),
      })),
      two(tie, (a, b) => ({
        schema: z.tuple([a.schema, b.schema]),
        near: fc.tuple(a.near, b.near),
      })),
      two(tie, (a, b) => ({
        schema: z.tuple([a.schema, b.schema.optional()], a.schema),
        near: fc.oneof(
          fc.tuple(a.near),
          fc.tuple(a.near, b.near),
          fc.tuple(a.near, b.near, a.near),
        ),
      })),
      two(tie, object(z.object)),
      two(tie, object(z.strictObject)),
      two(tie, object(z.looseObject)),
      two(tie, (a, b) => ({
        schema: z.intersection(z.object({ a: a.schema }), z.object({ b: b.schema })),
        near: fc.record({ a: a.near, b: b.near }),
      })),
      two(tie, (a, b) => ({
        schema: z.discriminatedUnion("kind", [
          z.object({ kind: z.literal("a"), a: a.schema }),
          z.object({ kind: z.literal("key"), b: b.schema.optional() }),
        ]),
        near: fc.record({ kind: fc.constantFrom("a", "key", "b"), a: a.near, b: b.near }),
      })),
    ),
  }));

  test("for payloads and schemas of all sorts", async () => {
    const asked: { schema: unknown; value: unknown; right: boolean }[] = [];
    for (const [index, { schema, near }] of fc
      .sample(anyPair, { numRuns: 250, seed: 7 })
      .entries()) {
      const json = await payloadJsonSchema(schema);
      if (json === null) throw new Error("every schema here can be said");
      const value = fc.oneof({ weight: 4, arbitrary: near }, { weight: 1, arbitrary: anyValue });
      for (const each of fc.sample(value, { numRuns: 10, seed: index })) {
        // As it comes out of the database.
        const queued: unknown = JSON.parse(JSON.stringify(each));
        const right = schema.safeParse(queued).success;
        asked.push({ schema: JSON.parse(json), value: queued, right });
      }
    }
    const { rows } = await runtime.db.query(
      `select taskrun.schema_issues(one -> 'value', one -> 'schema', one -> 'schema', '$', 0)::text
         as issues
       from jsonb_array_elements($1::jsonb) with ordinality as e (one, place) order by place`,
      [JSON.stringify(asked)],
    );
    const differ = asked
      .map((each, index) => ({ ...each, issues: rows[index].issues }))
      .filter(({ right, issues: found }) => right !== (found === "{}"));
    expect(differ.slice(0, 5)).toEqual([]);
    // Both answers have to be frequent, or nothing was compared.
    const rights = asked.filter(({ right }) => right).length;
    expect(rights).toBeGreaterThan(asked.length / 4);
    expect(asked.length - rights).toBeGreaterThan(asked.length / 4);
  });
});
