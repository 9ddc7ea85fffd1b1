import { afterEach, expect, test } from "vitest";
import { disposeKept, keep } from "../../src/core/keep.ts";

const ignoreError = () => undefined;

afterEach(() => disposeKept(ignoreError));

test("a value is created once, and others get it by its key", () => {
  let created = 0;
  const create = () => {
    created += 1;
    return { created };
  };
  expect(keep("a", create)).toBe(keep("a", create));
  expect(keep("b", create)).not.toBe(keep("a", create));
  expect(created).toBe(2);
});

test("what could not be created is tried again, whether it throws or rejects", async () => {
  const fail = () => {
    throw new Error("no");
  };
  expect(() => keep("a", fail)).toThrow("no");
  expect(keep("a", () => 1)).toBe(1);
  await expect(keep("b", () => Promise.reject(new Error("later")))).rejects.toThrow("later");
  expect(await keep("b", async () => 2)).toBe(2);
});

test("values are disposed of once, awaited, by the last function given", async () => {
  const disposed: unknown[] = [];
  keep(
    "a",
    async () => "pool",
    (value) => disposed.push(`first ${value}`),
  );
  keep(
    "a",
    async () => "other",
    (value) => disposed.push(`second ${value}`),
  );
  keep("b", () => "plain");
  await disposeKept(ignoreError);
  await disposeKept(ignoreError);
  expect(disposed).toEqual(["second pool"]);
});

test("a dispose that fails is told, and the others are disposed of", async () => {
  const failures: string[] = [];
  const disposed: string[] = [];
  keep(
    "a",
    () => 1,
    () => Promise.reject(new Error("stuck")),
  );
  keep(
    "b",
    () => 2,
    () => disposed.push("b"),
  );
  await disposeKept((error, key) => failures.push(`${key}: ${String(error)}`));
  expect([failures, disposed]).toEqual([["a: Error: stuck"], ["b"]]);
});
