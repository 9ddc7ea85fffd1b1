import { afterAll, beforeAll, expect, test } from "vitest";
import { EnqueueRate } from "../../src/http/enqueue-rate.ts";
import { type HttpApi, httpApi } from "../support/http-api.ts";

let nowMs = 0;
const now = () => nowMs;

/** How many of so many tries were taken. */
function taken(rate: EnqueueRate, caller: string | null, tries: number): number {
  let count = 0;
  for (let n = 0; n < tries; n += 1) {
    try {
      rate.take(caller);
      count += 1;
    } catch {}
  }
  return count;
}

test("a minute's worth is taken at once, then as many as come in evenly", () => {
  const rate = new EnqueueRate({ perMinute: 60, now });
  expect(taken(rate, "a", 100)).toBe(60);
  expect(() => rate.take("a")).toThrow(
    expect.objectContaining({ status: 429, headers: { "retry-after": "1" } }),
  );
  nowMs += 5_500;
  expect(taken(rate, "a", 100)).toBe(5);
  nowMs += 600_000;
  expect(taken(rate, "a", 100)).toBe(60);
});

test("each caller has a bucket of its own, and callers without a name share one", () => {
  const rate = new EnqueueRate({ perMinute: 3, now });
  expect(taken(rate, "a", 5)).toBe(3);
  expect(taken(rate, "b", 5)).toBe(3);
  expect(taken(rate, null, 5)).toBe(3);
  expect(() => rate.take("a")).toThrow("The token a creates more than 3 tasks a minute.");
});

test("a clock that is put back fills nothing and empties nothing", () => {
  const rate = new EnqueueRate({ perMinute: 2, now });
  expect(taken(rate, "a", 5)).toBe(2);
  nowMs -= 3_600_000;
  expect(taken(rate, "a", 5)).toBe(0);
  nowMs += 30_000;
  expect(taken(rate, "a", 5)).toBe(1);
});

test("however many callers there are, only some are remembered", () => {
  const rate = new EnqueueRate({ perMinute: 1, now });
  for (let n = 0; n < 10_001; n += 1) rate.take(`caller ${n}`);
  expect(taken(rate, "caller 10000", 1)).toBe(0);
  expect(taken(rate, "caller 0", 1)).toBe(1);
});

test("without a limit as many as they like are taken", () => {
  expect(taken(new EnqueueRate({ perMinute: null, now }), "a", 1_000)).toBe(1_000);
});

let api: HttpApi;

beforeAll(async () => {
  api = await httpApi({ tasks: { any: async () => 1 }, config: { httpEnqueueRate: 2 } });
});
afterAll(() => api[Symbol.asyncDispose]());

test("by HTTP one token's haste is refused, and nobody else's tasks", async () => {
  const [hasty, other] = [await api.token(), await api.token()];
  const create = (token: string) =>
    api.ask("/tasks", { method: "POST", token, json: { task_type: "any" } });
  expect((await create(hasty)).status).toBe(201);
  expect((await create(hasty)).status).toBe(201);
  const refused = await create(hasty);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(refused.body.error).toMatchObject({ code: "too-many-tasks", status: 429 });
  expect((await create(other)).status).toBe(201);
  expect((await api.ask("/tasks", { token: hasty })).status).toBe(200);
});
