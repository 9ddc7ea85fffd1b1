import { expect, test } from "vitest";
import { z } from "zod";
import { newTask } from "../../src/http/create-task.ts";
import { parseInput } from "../../src/http/parse-input.ts";

const schema = z.strictObject({ limit: z.int().optional(), deep: z.array(z.string()).optional() });

test("what fits is returned", () => {
  expect(parseInput(schema, { limit: 3 }, "body")).toEqual({ limit: 3 });
});

test.each([
  ["body", 422, "bad-body", "$.deep[1]", "$.lmit"],
  ["query", 400, "bad-query", "query.deep[1]", "query.lmit"],
] as const)("a wrong %s is a %i with every path", (part, status, code, deep, unknown) => {
  const wrong = { deep: ["a", 1], lmit: 3 };
  expect(() => parseInput(schema, wrong, part)).toThrow(
    expect.objectContaining({
      status,
      code,
      issues: [
        { path: deep, message: expect.any(String) },
        { path: unknown, message: "unknown field, did you mean limit?" },
      ],
    }),
  );
});

test("very many unknown fields are counted, and cost little", () => {
  const many = Object.fromEntries(Array.from({ length: 300_000 }, (_, n) => [`limi${n}`, 1]));
  const startMs = performance.now();
  for (const body of [many, { task_type: "a", retry_strategy: many }]) {
    const wrong = "retry_strategy" in body ? newTask : schema;
    expect(() => parseInput(wrong, body, "body")).toThrow(/unknown (?:field|option)/);
  }
  expect(performance.now() - startMs).toBeLessThan(20_000);
  expect(() => parseInput(schema, many, "body")).toThrow("(and 299999 more)");
});

test("of a name of a megabyte the beginning is told", () => {
  try {
    parseInput(schema, { ["x".repeat(1e6)]: 1 }, "body");
    expect.unreachable();
  } catch (error) {
    const path = `$.${"x".repeat(60)}…`;
    expect(error).toMatchObject({
      message: `The body is wrong. ${path}: unknown field.`,
      issues: [{ path, message: "unknown field" }],
    });
  }
});

test("of very many faults the first hundred are told", () => {
  const wrong = { deep: Array(500).fill(1) };
  try {
    parseInput(schema, wrong, "body");
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ message: expect.stringContaining("499 more") });
    expect(error).toHaveProperty("issues.length", 100);
  }
});
