import { expect, test } from "vitest";
import { maskedPayload } from "../../src/core/masked-payload.ts";
import { resolveTask } from "../../src/core/resolve-task.ts";

const taskWith = (redact: string[]) =>
  resolveTask(
    { redact, handler: async () => {} },
    { name: "a", file: "/a.ts", source: "a.ts", version: 1, layers: [] },
  );

test("what the task calls secret is masked, the rest stays", () => {
  const payload = { key: "abcd", lines: [1] };
  expect(maskedPayload(taskWith(["$.key"]), payload)).toEqual({ key: "[secret]", lines: [1] });
  expect(payload.key).toBe("abcd");
});

test("without secrets, or without the task, it is the payload itself", () => {
  const payload = { key: "abcd" };
  expect(maskedPayload(taskWith([]), payload)).toBe(payload);
  expect(maskedPayload(undefined, payload)).toBe(payload);
});
