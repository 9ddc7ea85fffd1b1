import { expect, test } from "vitest";
import { noOptions, optionsBody } from "../../../src/dashboard/add/job-options.ts";

test("what was left empty is not sent", () => {
  expect(optionsBody(noOptions)).toEqual({});
});

test("numbers are numbers, names stay names, a moment gets its zone", () => {
  const body = optionsBody({
    ...noOptions,
    priority: " -5 ",
    maxAttempts: "3",
    scheduledAt: "2030-01-31T08:00:00",
    queue: "mail",
    correlationId: "abc",
    metadata: '{"tenant": 3}',
  });
  expect(body).toEqual({
    priority: -5,
    max_attempts: 3,
    scheduled_at: new Date("2030-01-31T08:00:00").toISOString(),
    queue: "mail",
    correlation_id: "abc",
    metadata: { tenant: 3 },
  });
  expect(optionsBody({ ...noOptions, priority: "high" })).toEqual({ priority: "high" });
});

test("what can't be understood is sent as it is, for the server to refuse", () => {
  const options = { ...noOptions, scheduledAt: "tomorrow", maxAttempts: "many" };
  expect(optionsBody(options)).toEqual({ scheduled_at: "tomorrow", max_attempts: "many" });
  expect(optionsBody({ ...noOptions, metadata: "{a" })).toEqual({ metadata: "{a" });
});
