import fc from "fast-check";
import { expect, test } from "vitest";
import { SecretSeal, withoutSeals } from "../../src/core/secret-seal.ts";

const seal = new SecretSeal(["hunter2", "12345", "abc"]);

test("a sealed value has no secret in it and comes back as it was", () => {
  const value = { header: "Bearer hunter2", hunter2: [12345, "12345"], other: 6, short: "abc" };
  const sealed = seal.seal(JSON.stringify(value));
  expect(sealed).not.toMatch(/hunter2|12345/);
  expect(JSON.parse(seal.open(sealed))).toEqual(value);
});

test("people are shown a mask", () => {
  const sealed = seal.seal('{"a":"Bearer hunter2"}');
  expect(withoutSeals(sealed)).toBe('{"a":"Bearer [secret]"}');
});

test("a value of before the seal is opened as it is", () => {
  expect(seal.open('{"a":"hunter2"}')).toBe('{"a":"hunter2"}');
});

test("a secret may be a part of another one, or a word of the seal's", () => {
  const own = new SecretSeal(["anna", "anna1234", "the body", "text", "number"]);
  const json = '{"a":"anna1234 and anna","b":"the body is a text with a number"}';
  const sealed = own.seal(json);
  expect(withoutSeals(sealed)).toBe(
    '{"a":"[secret] and [secret]","b":"[secret] is a [secret] with a [secret]"}',
  );
  expect(own.open(sealed)).toBe(json);
});

test("whatever the value and the secrets", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.array(fc.string({ minLength: 4 })), (value, secrets) => {
      const own = new SecretSeal(secrets);
      const json = JSON.stringify({ value, x: `a${secrets.join("b")}c` });
      expect(own.open(own.seal(json))).toBe(json);
    }),
  );
});
