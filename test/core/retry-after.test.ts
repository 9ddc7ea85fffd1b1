import { expect, test } from "vitest";
import { retryAfterMs } from "../../src/core/retry-after.ts";

const nowMs = Date.parse("2026-05-04T03:02:01Z");

test.each([
  ["seconds in a plain object", { headers: { "retry-after": "120" } }, 120_000],
  ["seconds as a number", { headers: { "retry-after": 5 } }, 5_000],
  ["any letter case", { headers: { "Retry-After": "5" } }, 5_000],
  ["a Headers object", { headers: new Headers({ "Retry-After": "7" }) }, 7_000],
  ["the response's headers", { response: { headers: { "retry-after": "8" } } }, 8_000],
  [
    "the response's Headers",
    { response: new Response("", { headers: { "retry-after": "9" } }) },
    9_000,
  ],
  ["an array of values", { headers: { "retry-after": ["3", "4"] } }, 3_000],
  ["a date ahead", { headers: { "retry-after": "Mon, 04 May 2026 03:03:01 GMT" } }, 60_000],
  ["a date gone by", { headers: { "retry-after": "Mon, 04 May 2026 03:01:01 GMT" } }, 0],
  ["a century", { headers: { "retry-after": "3155760000" } }, 365 * 86_400_000],
  ["nonsense", { headers: { "retry-after": "soon" } }, null],
  ["a negative number", { headers: { "retry-after": "-5" } }, 0],
  ["an empty header", { headers: { "retry-after": "" } }, null],
  ["other headers", { headers: { "content-type": "text/plain" } }, null],
  ["no headers", {}, null],
  ["null", null, null],
])("%s", (_what, error, expected) => {
  expect(retryAfterMs(error, nowMs)).toBe(expected);
});

test("headers that can't be read are no headers", () => {
  const headers = {
    get() {
      throw new Error("closed");
    },
  };
  expect(retryAfterMs({ headers }, nowMs)).toBeNull();
});
