import { expect, test } from "vitest";
import { parseByteSize } from "../../src/core/byte-size.ts";

test.each([
  ["256MB", 268_435_456],
  ["64 kb", 65_536],
  ["1.5GB", 1_610_612_736],
  [1000, 1000],
])("%s are %d bytes", (text, bytes) => {
  expect(parseByteSize(text)).toBe(bytes);
});

test.each(["256", "MB", "1TB", "-1MB", "", -1, Number.NaN, null, {}])("%s is none", (value) => {
  expect(parseByteSize(value)).toBeNull();
});
