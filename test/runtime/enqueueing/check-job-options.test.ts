import { describe, expect, test } from "vitest";
import type { EnqueueOptions } from "../../../src/core/job.ts";
import { checkJobOptions } from "../../../src/runtime/enqueueing/check-job-options.ts";

// why: what a caller without types may give
const problemOf = (options: unknown) => checkJobOptions(options as EnqueueOptions);

const circle: Record<string, unknown> = {};
circle.self = circle;

describe("is refused by its name, with what it got and what was expected", () => {
  const refused: [options: unknown, problem: RegExp][] = [
    [
      { runAt: new Date("x") },
      /^runAt: got an invalid Date, expected a Date before the year 10000/,
    ],
    [{ runAt: new Date(8.64e15) }, /^runAt: got \+275760-09-13T.*, expected/],
    [{ runAt: " " }, /^runAt: got " ", expected/],
    [{ runAt: 1_900_000_000_000 }, /^runAt: got 1900000000000, expected/],
    [{ delay: Number.NaN }, /^delay: got NaN, expected a duration/],
    [{ delay: -1 }, /^delay: got -1/],
    [{ delay: 1e300 }, /^delay: got 1e\+300/],
    [{ delay: "5 parsecs" }, /^delay: got "5 parsecs"/],
    [{ priority: Number.NaN }, /^priority: got NaN, expected critical, high/],
    [{ priority: 1.5 }, /^priority: got 1.5/],
    [{ priority: 40_000 }, /^priority: got 40000/],
    [{ priority: "constructor" }, /^priority: got "constructor"/],
    [{ queue: "" }, /^queue: got "", expected text of 1 to 128 characters/],
    [{ queue: "q".repeat(129) }, /^queue: got "q+…" \(129 characters\), expected text of 1 to 128/],
    [{ queueName: 5 }, /^queueName: got 5/],
    [{ key: "a\0" }, /^key: got "a\\u0000", expected text of 1 to 512 .*without NUL/],
    [{ jobKey: "\ud800" }, /^jobKey: got "\\ud800"/],
    [
      { keyMode: "overwrite" },
      /^keyMode: got "overwrite", expected "replace", "preserve_run_at" or/,
    ],
    [{ maxAttempts: 0 }, /^maxAttempts: got 0, expected a whole number from 1 to 32767/],
    [{ maxAttempts: Number.POSITIVE_INFINITY }, /^maxAttempts: got Infinity/],
    [{ flags: "all" }, /^flags: got "all", expected an array of names/],
    [{ correlationId: {} }, /^correlationId: got {}/],
    [{ createdBy: () => 1 }, /^createdBy: got a function/],
    [{ parentId: "x" }, /^parentId: got "x", expected the id of a job/],
    [{ metadata: [] }, /^metadata: got \[\], expected an object/],
    [{ metadata: { a: [1n] } }, /^metadata: it has a BigInt.* at \$\.a\[0\]/],
    [{ metadata: circle }, /^metadata: it has a circular reference/],
    [{ after: circle }, /^after: got \[object Object\], expected an array/],
    [{ retry: { factor: 0 } }, /^retry\.factor: got 0/],
    [
      { retry: { type: "fixed", interval_ms: 1, ["x".repeat(1e6)]: 1 } },
      /^retry\.x{60}…: unknown field, expected one of/,
    ],
    [{ retry: 1n }, /^retry: got 1n/],
    [{ retry: { type: "fixed", interval_ms: 1n } }, /^retry\.interval_ms: got 1n/],
    [{ prioriy: 1 }, /^"prioriy": unknown option, did you mean priority\?/],
    [
      { ["x".repeat(1e6)]: 1 },
      /^"x{60}…" \(1000000 characters\): unknown option, expected one of runAt/,
    ],
    [JSON.parse('{"__proto__": 1}'), /^"__proto__": unknown option/],
    [{ runAt: "2030-01-01", delay: 1 }, /^Give runAt or delay, not both/],
    [5, /^the options: got 5, expected an object/],
    [null, /^the options: got null/],
  ];
  test.each(refused.map(([options, problem]) => ({ options, problem })))("$problem", (one) => {
    const { options, problem } = one;
    expect(problemOf(options)).toMatch(problem);
    expect(problemOf(options)?.length).toBeLessThan(400);
  });
});

test("null is the same as leaving an option out", () => {
  const names = ["runAt", "delay", "priority", "queue", "key", "maxAttempts", "metadata", "retry"];
  expect(problemOf(Object.fromEntries(names.map((name) => [name, null])))).toBeNull();
});

test("keys and queues may have any characters", () => {
  const odd = "😀 \n\t'\"; drop table jobs; -- ../../etc/passwd \u202e \\u0000 %s $1";
  expect(problemOf({ key: odd, queue: odd, correlationId: odd, createdBy: odd })).toBeNull();
});
