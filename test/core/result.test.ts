import { expect, test } from "vitest";
import { err, ok, unwrapResult } from "../../src/core/result.ts";

test("an Ok stands for its value", () => {
  expect(unwrapResult(ok({ id: 1 }))).toEqual({ id: 1 });
  expect(unwrapResult(ok(undefined))).toBeUndefined();
});

test("an Err throws its error, whatever that is", () => {
  const error = new Error("no");
  expect(() => unwrapResult(err(error))).toThrow(error);
  expect(() => unwrapResult(err("just text"))).toThrow("just text");
});

test("results of neverthrow's classes are results", () => {
  class NeverthrowErr {
    error = "denied";
    isOk() {
      return false;
    }
    isErr() {
      return !this.isOk();
    }
  }
  expect(() => unwrapResult(new NeverthrowErr())).toThrow("denied");
});

test.each([
  [{ ok: false, error: "told, not thrown" }],
  [{ error: "x" }],
  [{ isErr: true, error: "x" }],
  [{ isOk: () => true, value: 1 }],
  [null],
  [undefined],
  ["err"],
  [[err("inside an array")]],
])("a plain output stays itself: %j", (output) => {
  expect(unwrapResult(output)).toBe(output);
});
