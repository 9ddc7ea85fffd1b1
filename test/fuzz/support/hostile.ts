/** Values that programs have fallen over, as arbitraries. */

import fc from "fast-check";

const circle: Record<string, unknown> = { name: "circle" };
circle.self = { back: [circle] };

const unreadable = new Proxy(
  {},
  {
    get() {
      throw new Error("hands off");
    },
    ownKeys() {
      throw new Error("hands off");
    },
  },
);

const throwing = {
  get message(): never {
    throw new Error("no message");
  },
};

function nested(levels: number, wrap: (value: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = wrap(value);
  return value;
}

const deep = [
  nested(100, (value) => [value]),
  nested(10_000, (value) => [value]),
  nested(10_000, (value) => ({ value })),
];

export const hostileWords = [
  "",
  " ",
  "\0",
  "a\0b",
  "\ud800",
  "a\udfff",
  "\\u0000",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "../../etc/passwd",
  "/etc/passwd",
  "..\\..\\windows",
  "'; drop table graphile_worker._private_jobs; --",
  "$1",
  "%s%n",
  "\u202eabc",
  "😀",
  "a\nb",
  "\r\n",
  "\ufeff",
  "NaN",
  "null",
  "undefined",
  "true",
  "1e999",
  "-1",
  "0x10",
  "infinity",
  "-infinity",
  "now",
  "2030-02-30",
  "275760-09-13",
  "x".repeat(128),
  "x".repeat(129),
  "x".repeat(513),
  "é".repeat(128),
  "💥".repeat(64),
  "x".repeat(100_000),
] as const;

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...hostileWords) },
  { weight: 2, arbitrary: fc.string({ unit: "binary" }) },
  { weight: 2, arbitrary: fc.string({ unit: "grapheme" }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 100, maxLength: 600 }) },
);

/** Text as a command line or a variable can carry it. */
export const hostileArgument: fc.Arbitrary<string> = hostileText.map((text) =>
  text.replaceAll("\0", "␀").toWellFormed(),
);

const numbers = [
  0,
  -0,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.MAX_VALUE,
  Number.MIN_VALUE,
  Number.MAX_SAFE_INTEGER,
  32_767,
  32_768,
  -32_768,
  -32_769,
  2_147_483_648,
  1e15,
] as const;

const objects: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  1n,
  Symbol("s"),
  () => 1,
  class Some {},
  new Date(Number.NaN),
  new Date(8.64e15),
  new Date(0),
  new Map([["a", 1]]),
  new Set([1]),
  /x/,
  new Error("an error"),
  new Uint8Array(3),
  Promise.resolve(1),
  circle,
  unreadable,
  throwing,
  Object.create(null),
  Array(2),
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
  ...deep,
];

export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...objects) },
  { weight: 2, arbitrary: fc.constantFrom(...numbers) },
  { weight: 2, arbitrary: hostileText },
  {
    weight: 4,
    arbitrary: fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
      key: hostileText,
    } as fc.ObjectConstraints), // why: which of them exist depends on the version
  },
  { weight: 2, arbitrary: fc.dictionary(hostileText, fc.constantFrom(...objects), { maxKeys: 3 }) },
);

/** Values that JSON can carry. */
export const hostileJson: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.jsonValue({ stringUnit: "binary" }) },
  { weight: 2, arbitrary: hostileText },
  { weight: 2, arbitrary: fc.dictionary(hostileText, fc.jsonValue(), { maxKeys: 4 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(
      nested(60, (value) => [value]),
      nested(3_000, (value) => [value]),
      nested(3_000, (value) => ({ value })),
      JSON.parse('{"__proto__":{"polluted":true}}'),
      "x".repeat(200_000),
    ),
  },
);

/** An object that has some of `names`, each with a right value or with anything. */
export function hostileOptions(
  right: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  anything: fc.Arbitrary<unknown>,
): fc.Arbitrary<Record<string, unknown>> {
  const known = fc.constantFrom(...Object.keys(right)).chain((name) => {
    const value = fc.oneof(
      { weight: 1, arbitrary: right[name] ?? anything },
      { weight: 2, arbitrary: anything },
    );
    return fc.tuple(fc.constant(name), value);
  });
  const entry = fc.oneof(
    { weight: 9, arbitrary: known },
    { weight: 1, arbitrary: fc.tuple(hostileText, anything) },
  );
  return fc
    .array(entry, { minLength: 1, maxLength: 3 })
    .map((entries) => Object.fromEntries(entries));
}
