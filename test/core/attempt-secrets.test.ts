import { describe, expect, test } from "vitest";
import { AttemptSecrets } from "../../src/core/attempt-secrets.ts";
import { toFailure } from "../../src/core/failure.ts";

const secrets = new AttemptSecrets(
  { payload: [["key"]], output: [["token"]] },
  { payload: { key: "hunter2", other: "fine" }, metadata: { key: "of metadata" } },
);

describe("an outcome", () => {
  test("that completed: by place and by value", () => {
    const outputJson = '{"token":"new one","echo":"hunter2","other":"fine"}';
    expect(secrets.maskOutcome({ state: "completed", outputJson })).toEqual({
      state: "completed",
      outputJson: '{"token":"[secret]","echo":"[secret]","other":"fine"}',
    });
    const none = { state: "completed", outputJson: null } as const;
    expect(secrets.maskOutcome(none)).toBe(none);
  });

  test("that failed: name, message and stack, but not what was thrown", () => {
    const thrown = new Error("401 for hunter2 of metadata");
    const error = toFailure(thrown, "default");
    const masked = secrets.maskOutcome({ state: "failed", error });
    expect(masked).toMatchObject({ error: { message: "401 for [secret] [secret]", thrown } });
    expect(JSON.stringify(masked)).not.toContain("hunter2");
  });

  test("with a reason", () => {
    expect(secrets.maskOutcome({ state: "cancelled", reason: "no hunter2" })).toEqual({
      state: "cancelled",
      reason: "no [secret]",
    });
    const none = { state: "cancelled", reason: null } as const;
    expect(secrets.maskOutcome(none)).toBe(none);
  });
});

test("progress", () => {
  const progress = { done: 1, total: 2, message: "uses hunter2" };
  expect(secrets.maskProgress(progress)).toEqual({ ...progress, message: "uses [secret]" });
});

test("a batch has no seal: its entries change places", () => {
  const paths = { payload: [["key"]], output: [] };
  expect(
    new AttemptSecrets(paths, { payload: [{ key: "hunter2" }], metadata: null }).seal,
  ).toBeNull();
  expect(secrets.seal).not.toBeNull();
});
