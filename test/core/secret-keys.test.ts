import { describe, expect, test } from "vitest";
import { SecretKeys } from "../../src/core/secret-keys.ts";

const keys = new SecretKeys();

describe("by their words", () => {
  test.each([
    "password",
    "PASSWORD",
    "dbPassword",
    "db_password",
    "user-pass",
    "apiKey",
    "API_KEY",
    "APIKey",
    "x-api-key",
    "xApikey",
    "accessToken",
    "Authorization",
    "proxy-authorization",
    "set-cookie",
    "clientSecret",
    "privateKey",
    "SENTRY_DSN",
  ])("%s speaks of a secret", (name) => {
    expect(keys.has(name)).toBe(true);
    expect(keys.mayBeIn(`{"${name}":1}`)).toBe(true);
  });

  test.each([
    "compass",
    "passenger",
    "tokens",
    "max_tokens",
    "author",
    "monkey",
    "key",
    "",
    "keyboard",
  ])("%j doesn't", (name) => {
    expect(keys.has(name)).toBe(false);
  });
});

test("names can be added and taken away", () => {
  const own = new SecretKeys(["ssn", "!cookie"]);
  expect(own.has("userSSN")).toBe(true);
  expect(own.mayBeIn('{"userSSN":1}')).toBe(true);
  expect(own.has("cookie")).toBe(false);
  expect(own.has("password")).toBe(true);
});

test("ever new names don't fill the memory", () => {
  for (let n = 0; n < 5_000; n += 1) keys.has(`name${n}`);
  expect(keys.has("token")).toBe(true);
});
