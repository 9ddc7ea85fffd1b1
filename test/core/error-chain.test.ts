import { expect, test } from "vitest";
import { errorChain, readProperty } from "../../src/core/error-chain.ts";

test("a chain is what was thrown and every cause beneath", () => {
  const root = new Error("root");
  const middle = new Error("middle", { cause: root });
  const top = new Error("top", { cause: middle });

  expect(errorChain(top)).toEqual([top, middle, root]);
});

test("a chain ends at a cause that is no object", () => {
  expect(errorChain(new Error("top", { cause: "text" }))).toEqual([expect.any(Error), "text"]);
  expect(errorChain(null)).toEqual([null]);
});

test("a chain that runs in a circle ends", () => {
  const error = new Error("x");
  error.cause = error;

  expect(errorChain(error)).toEqual([error]);
});

test("a chain that never repeats is cut at twenty", () => {
  function next(): unknown {
    return Object.defineProperty({}, "cause", { get: next });
  }

  expect(errorChain(next())).toHaveLength(20);
});

test("a property whose getter throws is undefined", () => {
  const hostile = {
    get code() {
      throw new Error("don't look");
    },
  };

  expect(readProperty(hostile, "code")).toBeUndefined();
  expect(readProperty(null, "code")).toBeUndefined();
  expect(readProperty("text", "length")).toBeUndefined();
});
