import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ErrorOrigin, ErrorOrigins } from "../../../src/runtime/attempt/error-origins.ts";
import { startAttempt, stopped } from "../../support/start-attempt.ts";

interface Ctx {
  readonly signal: AbortSignal;
}

let claimed: (ErrorOrigin | null)[];
let claim: (error: unknown) => ErrorOrigin | null;
const listener = (error: unknown) => void claimed.push(claim(error));
let others: NodeJS.UnhandledRejectionListener[];

beforeEach(() => {
  claimed = [];
  others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", listener);
});

afterEach(() => {
  process.off("unhandledRejection", listener);
  for (const other of others) process.on("unhandledRejection", other);
});

function leaves(origins: ErrorOrigins) {
  const started = startAttempt(
    async (_: unknown, ctx: Ctx) => {
      void pause(1).then(() => Promise.reject(new RangeError("left behind")));
      await stopped(ctx.signal);
      return "too late";
    },
    { services: { origins } },
  );
  claim = (error) => origins.claim(error, [started.attempt]);
  return started;
}

describe("traced", () => {
  test("a running attempt fails with the error that it left", async () => {
    const { outcome } = leaves(new ErrorOrigins(true));
    expect(await outcome).toMatchObject({
      state: "retrying",
      error: { name: "RangeError", message: "left behind" },
    });
    expect(claimed).toEqual([
      { fields: { jobId: "17", task: "example", attempt: 1 }, fails: true },
    ]);
  });

  test("one that has ended is named and has no say", async () => {
    const origins = new ErrorOrigins(true);
    const told = Promise.withResolvers<void>();
    const { attempt, outcome } = startAttempt(
      async () => void pause(5).then(() => Promise.reject(new Error("late"))),
      { services: { origins } },
    );
    claim = (error) => {
      told.resolve();
      return origins.claim(error, []);
    };
    expect(await outcome).toMatchObject({ state: "completed" });
    origins.ended(attempt);
    await told.promise;
    expect(claimed).toMatchObject([{ fields: { jobId: "17" }, fails: false }]);
  });

  test("attempts that start in one go are told apart, and nothing stays with who started them", async () => {
    const origins = new ErrorOrigins(true);
    const jobs = ["1", "2", "3"].map((id) =>
      startAttempt(async () => void pause(1).then(() => Promise.reject(new Error(id))), {
        job: { id },
        services: { origins },
      }),
    );
    expect(origins.claim(new Error("x"), [])).toBeNull();
    const all = Promise.withResolvers<void>();
    claim = (error) => {
      const origin = origins.claim(error, []);
      expect(origin?.fields.jobId).toBe((error as Error).message);
      if (claimed.length === 2) all.resolve();
      return origin;
    };
    await Promise.all(jobs.map(({ outcome }) => outcome));
    await all.promise;
    expect(claimed.map((origin) => origin?.fields.jobId)).toEqual(["1", "2", "3"]);
  });

  test("an error from elsewhere is nobody's", async () => {
    const origins = new ErrorOrigins(true);
    expect(origins.claim(new Error("x"), [])).toBeNull();
  });
});

test("untraced, the first such error names its task at most and begins the tracing", async () => {
  const origins = new ErrorOrigins(false);
  const { attempt } = startAttempt(async () => {}, { services: { origins } });
  const error = Object.assign(new Error("x"), { stack: "Error: x\n    at handler (/x.ts:1:2)" });
  expect(origins.claim(error, [attempt])).toEqual({ fields: { task: "example" }, fails: false });
  const { outcome } = leaves(origins);
  expect(await outcome).toMatchObject({ state: "retrying", error: { name: "RangeError" } });
});
