import { describe, expect, test } from "vitest";
import { loggable, storable, toFailure } from "../../src/core/failure.ts";

describe("what was thrown becomes a name and a message", () => {
  test.each<[string, unknown, string, string]>([
    ["an Error", new TypeError("bad"), "TypeError", "bad"],
    ["an Error without a message", new RangeError(), "RangeError", "RangeError without a message"],
    ["an error of another realm", { name: "Foreign", message: "far" }, "Foreign", "far"],
    ["a string", "oops", "NonError", "oops"],
    ["an empty string", "", "NonError", "an empty string was thrown"],
    ["null", null, "NonError", "null was thrown"],
    ["undefined", undefined, "NonError", "undefined was thrown"],
    ["a number", 42, "NonError", "42 was thrown"],
    ["a symbol", Symbol("s"), "NonError", "Symbol(s) was thrown"],
    ["a BigInt", 1n, "NonError", "1 was thrown"],
    ["an object", { a: 1 }, "NonError", '{"a":1} was thrown'],
    ["a function", () => {}, "NonError", "a function was thrown"],
  ])("%s", (_what, thrown, name, message) => {
    expect(toFailure(thrown, "default")).toMatchObject({ name, message, rule: "default", thrown });
  });

  test("an AggregateError without a message has those of its errors", () => {
    const refused = [
      new Error("connect ECONNREFUSED ::1"),
      new Error("connect ECONNREFUSED 127.1"),
    ];
    expect(toFailure(new AggregateError(refused), "default").message).toBe(
      "connect ECONNREFUSED ::1; connect ECONNREFUSED 127.1",
    );
    const round = new AggregateError([]);
    round.errors.push(round);
    expect(toFailure(round, "default").message).toBe("AggregateError without a message");
  });

  test("a circular object is told as such", () => {
    const thrown: Record<string, unknown> = {};
    thrown.self = thrown;
    expect(toFailure(thrown, "default").message).toBe("an object that can't be shown was thrown");
  });

  test("an error whose getters throw still makes a failure", () => {
    const trap = () => {
      throw new Error("don't look");
    };
    const hostile = new Proxy(new Error("x"), {
      get: trap,
      has: trap,
      getPrototypeOf: trap,
      ownKeys: trap,
    });
    const failure = toFailure(hostile, "default");
    expect(failure.message).not.toBe("");
    expect(failure.stack).toBeNull();
  });
});

describe("the stack", () => {
  test("shows the causes too", () => {
    const error = new Error("top", { cause: new TypeError("root") });
    const { stack } = toFailure(error, "default");
    expect(stack).toMatch(/^Error: top\n[\s\S]*\ncaused by: TypeError: root\n/);
  });

  test("shows a cause that is no error", () => {
    expect(toFailure(new Error("top", { cause: "why" }), "default").stack).toMatch(
      /\ncaused by: why$/,
    );
  });

  test("shows the errors that an AggregateError is made of", () => {
    const error = new AggregateError([new TypeError("one"), "two"], "both");
    expect(toFailure(error, "default").stack).toMatch(
      /^AggregateError: both\n[\s\S]*of its errors: TypeError: one\n[\s\S]*of its errors: two$/,
    );
  });

  test("is null where there is none", () => {
    expect(toFailure("text", "default").stack).toBeNull();
  });
});

describe("texts are storable", () => {
  test("NUL and lone surrogates are replaced, whole pairs stay", () => {
    expect(storable("a\0b\ud800c\udc00d😀", 100)).toBe("a\ufffdb\ufffdc\ufffdd😀");
  });

  test("what is too long is cut with a note, also in the middle of a pair", () => {
    const text = storable("😀".repeat(50_000), 10_000);
    expect(text.length).toBeLessThanOrEqual(10_000);
    expect(text).toMatch(/ … \(cut: 100000 characters in all\)$/);
    expect(text.isWellFormed()).toBe(true);
  });

  test("a huge error is cut in all its parts", () => {
    const error = Object.assign(new Error("m".repeat(5_000_000)), { name: "N".repeat(5_000) });
    error.stack = "s".repeat(5_000_000);
    const failure = toFailure(error, "default");
    expect(failure.name.length).toBeLessThanOrEqual(200);
    expect(failure.message.length).toBeLessThanOrEqual(10_000);
    expect(failure.stack?.length).toBeLessThanOrEqual(20_000);
  });
});

test("a log line gets the storable texts, never what was thrown", () => {
  const failure = toFailure(new TypeError("bad\0"), "default");
  expect({ ...loggable(failure) }).toEqual({
    name: "TypeError",
    message: "bad\ufffd",
    stack: failure.stack,
  });
});
