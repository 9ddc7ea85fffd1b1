import { describe, expect, test } from "vitest";
import * as here from "../../src/core/task-errors.ts";

const { intentOf } = here;

describe("the intent of an error", () => {
  test.each([
    [new here.PermanentError("x"), "permanent"],
    [new here.InvalidPayloadError("x"), "permanent"],
    [new here.BusinessLogicError("x"), "permanent"],
    [new here.RetryableError("x"), "retryable"],
    [new here.ExternalServiceError("x"), "retryable"],
    [new here.RateLimitedError("5s"), "retryable"],
    [new here.RetryLaterError("x", "5s"), "snooze"],
    [new here.CircuitOpenError(), "snooze"],
    [new here.TaskTimeoutError(), "timeout"],
    [new here.ShutdownError(), "shutdown"],
    [new here.CancelledError(), "cancelled"],
    [new here.PayloadSchemaError("x"), "payload-schema"],
    [new here.InvalidOutputError("x"), "output"],
  ])("of %s is %s", (error, intent) => {
    expect(intentOf(error)).toBe(intent);
    expect(error).toBeInstanceOf(Error);
  });

  test("is known across two copies of the package", async () => {
    const url = `${new URL("../../src/core/task-errors.ts", import.meta.url)}?second-copy`;
    const other = (await import(/* @vite-ignore */ url)) as typeof here;
    const error = new other.PermanentError("from the other copy");

    expect(error).not.toBeInstanceOf(here.PermanentError);
    expect(intentOf(error)).toBe("permanent");
  });

  test.each([[new Error("x")], [null], [undefined], ["permanent"], [{ intent: "permanent" }]])(
    "of %s is none",
    (thrown) => {
      expect(intentOf(thrown)).toBeNull();
    },
  );

  test("of a thing that can't be read is none", () => {
    const hostile = new Proxy(
      {},
      {
        has() {
          throw new Error("don't look");
        },
      },
    );
    expect(intentOf(hostile)).toBeNull();
  });
});

test("a class that an author derives keeps the intent", () => {
  class OutOfStock extends here.BusinessLogicError {}

  expect(intentOf(new OutOfStock("none left"))).toBe("permanent");
});

test("delays are given as durations and kept in milliseconds", () => {
  expect(new here.RetryableError("x", { after: "1m" }).afterMs).toBe(60_000);
  expect(new here.RetryableError("x").afterMs).toBeNull();
  expect(new here.RateLimitedError("30s").afterMs).toBe(30_000);
  expect(new here.RetryLaterError("x", 1_500).afterMs).toBe(1_500);
  expect(new here.CircuitOpenError().afterMs).toBe(60_000);
});

test("a delay that is none is refused where the error is made", () => {
  expect(() => new here.RateLimitedError("soon")).toThrow('"soon" is not a duration');
});

test("a cause is kept, and there is none when none was given", () => {
  const cause = new Error("root");

  expect(new here.ExternalServiceError("x", { cause }).cause).toBe(cause);
  expect(new here.RateLimitedError("1s", "slow down", { cause }).cause).toBe(cause);
  expect("cause" in new here.PermanentError("x")).toBe(false);
});

test("names are those of the classes", () => {
  expect(new here.RateLimitedError("1s").name).toBe("RateLimitedError");
  expect(String(new here.CancelledError("no longer needed"))).toBe(
    "CancelledError: the job was cancelled: no longer needed",
  );
});

test("a RetryableError may do without a message", () => {
  const error = new here.RetryableError({ after: "2m" });
  expect(error.afterMs).toBe(120_000);
  expect(error.message).not.toBe("");
  expect(new here.RetryableError().afterMs).toBeNull();
  expect(new here.RetryableError("why", { after: 5 })).toMatchObject({
    message: "why",
    afterMs: 5,
  });
});
