import { expect, test } from "vitest";
import { z } from "zod";
import { checkDefinition, defaultsFaults } from "../../src/core/check-definition.ts";

const full = {
  handler() {},
  payload: z.object({}),
  output: z.string(),
  retry: {
    strategy: "linear",
    baseDelay: 0,
    factor: 1,
    increment: "1s",
    maxDelay: "1h",
    jitter: 1,
    maxAttempts: 32_767,
  },
  timeout: "1h30m",
  priority: -32_768,
  classify() {},
  queue: () => "q",
  aliases: ["a", "b:c"],
  description: "",
  middleware: [() => {}],
};

test("a definition that uses every option has no faults", () => {
  expect(checkDefinition(full, "x.ts")).toEqual([]);
});

test("any Standard Schema will do, also one that is a function", () => {
  const schema = Object.assign(() => {}, { "~standard": { validate: () => ({ value: 1 }) } });
  expect(checkDefinition({ handler() {}, payload: schema }, "x.ts")).toEqual([]);
});

test("what can't be shown in words doesn't stop the check", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const faults = defaultsFaults({ timeout: circular, priority: 5n }, "x.ts");
  expect(faults.map((fault) => fault.problem)).toEqual([
    expect.stringContaining("got [object Object], expected"),
    expect.stringContaining("got 5n, expected"),
  ]);
});

test("a long value is cut", () => {
  const [fault] = defaultsFaults({ timeout: "x".repeat(500) }, "x.ts");
  expect(fault?.problem.length).toBeLessThan(200);
});

test.each([
  [{ breaker: { failures: 0 } }, "breaker.failures"],
  [{ breaker: { openfor: "1s" } }, "breaker.openfor"],
  [{ retain: "soon" }, "retain"],
  [{ retain: { completed: "soon" } }, "retain.completed"],
  [{ concurrency: 0 }, "concurrency"],
  [{ limit: { concurrency: 1 } }, "limit"],
  [{ limit: { key: undefined } }, "limit"],
  [{ limit: { key: () => "a", rate: {} } }, "limit.rate"],
  [{ limit: { key: () => "a", rate: { max: 1 } } }, "limit.rate"],
  [{ limit: { key: () => "a", rate: { max: undefined, per: "1s" } } }, "limit.rate"],
  [{ isolate: { kind: undefined } }, "isolate"],
  [{ limit: { key: () => "a", rate: { max: 0, per: "1s" } } }, "limit.rate.max"],
  [{ onFailed: "no" }, "onFailed"],
])("%j is refused by the name of its part", (options, field) => {
  const faults = checkDefinition({ handler: () => {}, ...options }, "a.ts");
  expect(faults).toMatchObject([{ source: "a.ts", field }]);
});
