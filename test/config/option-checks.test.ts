import { describe, expect, test } from "vitest";
import { optionChecks } from "../../src/config/option-checks.ts";
import { type OptionName, optionNames, optionSpec } from "../../src/config/schema.ts";

function passes(name: OptionName, value: unknown): boolean {
  return optionChecks[name].safeParse(value).success;
}

const bounded = optionNames.filter((name) => optionSpec(name).min !== undefined);

describe.each(bounded)("%s", (name) => {
  const { min = 0, max = 0 } = optionSpec(name);

  test("may be its smallest and largest value, and nothing beyond", () => {
    expect([min, max].map((value) => passes(name, value))).toEqual([true, true]);
    expect([min - 1, max + 1].map((value) => passes(name, value))).toEqual([false, false]);
  });
});

test.each([
  "postgres://h/db",
  "postgresql://u:p@h:1/db?sslmode=require",
  "socket:/run/pg?db=x",
  null,
])("%s is a connection", (value) => expect(passes("connection", value)).toBe(true));

test.each(["h/db", "mysql://h/db", "", 5, "postgres://h:port/db"])("%s is none", (value) => {
  expect(passes("connection", value)).toBe(false);
});

test.each(["", "pg_queue", "1st", 'a"b', "a b", "x".repeat(56)])("%j is no schema", (value) => {
  expect(passes("schema", value)).toBe(false);
});
