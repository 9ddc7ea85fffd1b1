import { expect, test } from "vitest";
import { settlePolicies } from "../../src/core/settle-policies.ts";
import type { TaskDefaults, TaskDefinition } from "../../src/core/task.ts";

type Definition = TaskDefinition<unknown, unknown>;

function settle(own: Omit<Definition, "handler">, outer: TaskDefaults[] = []) {
  const definition: Definition = { handler: () => {}, ...own };
  const layers = outer.map((defaults, index) => ({ source: `outer ${index}`, defaults }));
  return settlePolicies([...layers, { source: "own", defaults: own }], definition, "own");
}

test("without a word there is no breaker, no bound, and the usual retention", () => {
  const { policies, sources } = settle({});
  expect(policies).toMatchObject({
    breaker: null,
    concurrency: null,
    limit: null,
    retain: { completedMs: 86_400_000, cancelledMs: 86_400_000, failedMs: 604_800_000 },
  });
  expect(sources).toMatchObject({ breaker: "default", limit: "default", retain: "default" });
});

test("a breaker fills in what it doesn't say, and an inner false switches it off", () => {
  const { policies } = settle({ breaker: { failures: 2 } });
  expect(policies.breaker).toEqual({ failures: 2, successes: 3, openForMs: 60_000 });
  const off = settle({ breaker: false }, [{ breaker: {} }]);
  expect(off.policies.breaker).toBeNull();
  expect(off.sources.breaker).toBe("own");
});

test("a limit keeps its key and has no bound that it doesn't name", () => {
  const key = () => "a";
  expect(settle({ limit: { key } }).policies.limit).toEqual({ key, concurrency: null, rate: null });
  const { limit } = settle({ limit: { key, rate: { max: 3, per: "1m" } } }).policies;
  expect(limit?.rate).toEqual({ max: 3, perMs: 60_000 });
});

test("one retention is for every outcome; an object only for those it names", () => {
  expect(settle({ retain: 0 }).policies.retain).toEqual({
    completedMs: 0,
    cancelledMs: 0,
    failedMs: 0,
  });
  const { policies, sources } = settle({ retain: { failed: false } }, [{ retain: "1h" }]);
  expect(policies.retain).toEqual({
    completedMs: 3_600_000,
    cancelledMs: 3_600_000,
    failedMs: null,
  });
  expect(sources.retain).toBe("outer 0, own");
  expect(settle({ retain: "2h" }, [{ retain: "1h" }]).sources.retain).toBe("own");
});

test("the waits between attempts name every place that has a say in them, and no other", () => {
  const sourceOf = (...args: Parameters<typeof settle>) => settle(...args).sources.retry;
  expect(sourceOf({ retry: { maxAttempts: 2 } })).toBe("default");
  expect(sourceOf({ retry: { maxAttempts: 2 } }, [{ retry: { factor: 3 } }])).toBe("outer 0");
  expect(sourceOf({ retry: { jitter: 0 } }, [{ retry: { factor: 3 } }])).toBe("outer 0, own");
  expect(sourceOf({ retry: { factor: 2 } }, [{ retry: { factor: 3 } }])).toBe("own");
  expect(sourceOf({ retry: () => "1s" }, [{ retry: { factor: 3 } }])).toBe("own");
  expect(sourceOf({ retry: { factor: 2 } }, [{ retry: () => "1s" }])).toBe("own");
});

test("secrets of every place are hidden, and every place is named", () => {
  const { policies, sources } = settle({ redact: ["$.b"] }, [{ redact: ["$.a"] }]);
  expect(policies.redact).toEqual(["$.a", "$.b"]);
  expect(sources.redact).toBe("outer 0, own");
});
