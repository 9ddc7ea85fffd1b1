import { describe, expect, test } from "vitest";
import { lineMasker, maskAddresses } from "../../src/core/line-masker.ts";
import { liveSecrets } from "../../src/core/live-secrets.ts";
import { SecretTexts } from "../../src/core/mask.ts";
import { SecretKeys } from "../../src/core/secret-keys.ts";

const mask = lineMasker(new SecretKeys());

test("a line without a secret is the same text", () => {
  const line = '{"level":"info","msg":"a token of \\"thanks\\": 1","n":1.0}\n';
  expect(mask(line)).toBe(line);
});

describe("fields that speak of a secret", () => {
  test("are masked at any depth, whatever they hold", () => {
    const line = JSON.stringify({
      user: { name: "a", password: "b", creds: [{ apiKey: { id: 1 } }] },
      token: 17,
      hasToken: true,
      cookie: null,
      msg: "m",
    });
    expect(JSON.parse(mask(line))).toEqual({
      user: { name: "a", password: "[secret]", creds: [{ apiKey: "[secret]" }] },
      token: "[secret]",
      hasToken: true,
      cookie: null,
      msg: "m",
    });
  });

  test("leave the line end", () => {
    expect(mask('{"password":"x"}\n')).toBe('{"password":"[secret]"}\n');
  });
});

test("secrets of running jobs are masked wherever they are", () => {
  const texts = new SecretTexts(['kana"rie']);
  liveSecrets().hold(texts);
  const line = JSON.stringify({ msg: 'it is kana"rie', deep: ['kana"rie'] });
  expect(mask(line)).toBe('{"msg":"it is [secret]","deep":["[secret]"]}');
  expect(mask('no JSON: kana"rie')).toBe("no JSON: [secret]");
  liveSecrets().release(texts);
});

test.each([
  ["postgres://app:hun%20ter2@db:5432/x", "postgres://app:[secret]@db:5432/x"],
  [
    "see https://:tok@host/a and redis://u:p@h",
    "see https://:[secret]@host/a and redis://u:[secret]@h",
  ],
  ["https://host:80/a@b", "https://host:80/a@b"],
  ["postgres//app:hunter2@db", "postgres//app:[secret]@db"],
  [
    "https://h/?api_key=a%20b&x=1&sslpassword=c",
    "https://h/?api_key=[secret]&x=1&sslpassword=[secret]",
  ],
  ["postgres://app@db/x", "postgres://app@db/x"],
  ["mail a:b@c", "mail a:b@c"],
])("of the address %s no password is shown", (text, shown) => {
  expect(maskAddresses(text)).toBe(shown);
  expect(mask(JSON.stringify({ msg: text }))).toBe(JSON.stringify({ msg: shown }));
});

test("a long word costs no more than its length", () => {
  const word = "a".repeat(200_000);
  const startMs = performance.now();
  expect(maskAddresses(`${word} // ${word}://u:p@h`)).toBe(`${word} // ${word}://u:[secret]@h`);
  expect(performance.now() - startMs).toBeLessThan(30_000);
});

test.each([
  ["a text with many quotes", JSON.stringify({ msg: '"'.repeat(1_000_000), password: "a" })],
  ["no JSON", `password "${'\\"'.repeat(1_000_000)}\\`],
])("nor does %s", (_, line) => {
  const startMs = performance.now();
  expect(mask(line)).toBe(line.replace('"password":"a"', '"password":"[secret]"'));
  expect(performance.now() - startMs).toBeLessThan(30_000);
});
