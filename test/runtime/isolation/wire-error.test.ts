import { describe, expect, test } from "vitest";
import { classify } from "../../../src/core/classify.ts";
import * as errors from "../../../src/core/task-errors.ts";
import { fromWire, toWire } from "../../../src/runtime/isolation/wire-error.ts";

/** There and back, as a thread's messages go. */
function sent(thrown: unknown): unknown {
  return fromWire(structuredClone(toWire(thrown)));
}

const words = { task: null, config: null };

class OwnError extends Error {
  override name = "OwnError";
  code = "E_OWN";
}

describe("an error means the same on the other side", () => {
  test.each<[string, unknown]>([
    ["PermanentError", new errors.PermanentError("no")],
    ["RateLimitedError", new errors.RateLimitedError("7m")],
    ["RetryLaterError", new errors.RetryLaterError("later", "3s")],
    ["WaitingError", new errors.WaitingError(["1", "2"])],
    ["an HTTP status", Object.assign(new Error("x"), { status: 404 })],
    [
      "a network code in a cause",
      new Error("x", { cause: Object.assign(new Error(), { code: "ECONNRESET" }) }),
    ],
    ["an SQLSTATE", Object.assign(new Error("x"), { code: "23505" })],
    ["a message's prefix", new Error("PERMANENT: broken")],
    ["text", "PERMANENT: as text"],
    ["null", null],
  ])("%s", (_what, thrown) => {
    expect(classify(sent(thrown), words)).toEqual(classify(thrown, words));
  });

  test("its name, message, stack, fields and cause are kept", () => {
    const error = new OwnError("mine", { cause: new TypeError("why") });
    const copy = sent(error);
    expect(copy).toBeInstanceOf(Error);
    expect(copy).toMatchObject({
      name: "OwnError",
      message: "mine",
      code: "E_OWN",
      stack: error.stack,
    });
    expect((copy as Error).cause).toBeInstanceOf(TypeError); // why: asserted above
  });

  test("classes that both sides know are kept, and what an error is made of", () => {
    expect(sent(new errors.PermanentError("no"))).toBeInstanceOf(errors.PermanentError);
    const both = sent(new AggregateError([new RangeError("one"), "two"], "both"));
    expect(both).toBeInstanceOf(AggregateError);
    expect(both).toMatchObject({ errors: [{ message: "one" }, "two"] });
  });
});

test("what can't be sent, or bites, is sent as far as it goes", () => {
  const holds = Object.assign(new Error("holds a function"), { fn: () => 1, ok: 2 });
  expect(sent(holds)).toMatchObject({ message: "holds a function", ok: 2 });
  expect(sent(() => 1)).toMatchObject({ message: "a function was thrown" });
  const hostile = new Proxy(new Error("x"), {
    get() {
      throw new Error("don't look");
    },
    getPrototypeOf() {
      throw new Error("don't look");
    },
  });
  expect(sent(hostile)).toBeInstanceOf(Error);
  const round = new Error("round");
  round.cause = round;
  expect(sent(round)).toMatchObject({ message: "round" });
});
