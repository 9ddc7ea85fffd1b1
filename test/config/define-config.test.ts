import { expect, test } from "vitest";
import { defineConfig } from "../../src/config/define-config.ts";

test("defineConfig returns what it got and lets the compiler find mistakes", () => {
  const config = { concurrency: 3, defaults: { retry: { maxAttempts: 5 } } };
  expect(defineConfig(config)).toBe(config);
  // @ts-expect-error a misspelled option
  expect(defineConfig({ concurency: 3 })).toBeDefined();
  // @ts-expect-error a value of the wrong type
  expect(defineConfig({ logLevel: "loud" })).toBeDefined();
});
