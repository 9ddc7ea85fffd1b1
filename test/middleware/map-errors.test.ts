import { expect, test } from "vitest";
import { PermanentError, WaitingError } from "../../src/core/task-errors.ts";
import { mapErrors } from "../../src/middleware/map-errors.ts";
import { startAttempt } from "../support/start-attempt.ts";

class Declined extends Error {}

const middleware = [
  mapErrors((error, ctx) =>
    error instanceof Declined ? new PermanentError(`declined in ${ctx.task}`) : undefined,
  ),
];

test("what is thrown is replaced, and classified as what it became", async () => {
  const { outcome } = startAttempt({
    middleware,
    handler: () => {
      throw new Declined("x");
    },
  });
  expect(await outcome).toMatchObject({
    state: "failed",
    error: { message: "declined in example" },
  });
});

test("what is left is thrown as it was", async () => {
  const { outcome } = startAttempt({
    middleware,
    handler: () => Promise.reject(new Error("other")),
  });
  expect(await outcome).toMatchObject({ state: "retrying", error: { message: "other" } });
});

test("a wait for other jobs passes by", async () => {
  const { outcome } = startAttempt({
    middleware: [mapErrors(() => new PermanentError("everything"))],
    handler: () => Promise.reject(new WaitingError(["7"])),
  });
  expect(await outcome).toEqual({ state: "waiting", jobs: ["7"] });
});
