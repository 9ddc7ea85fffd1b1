import { expect, test } from "vitest";
import { closestName } from "../../src/core/closest-name.ts";

const tasks = ["send_email", "billing/charge", "webhook", "report"];

test.each([
  ["send-email", "send_email"],
  ["snd_email", "send_email"],
  ["sendemial", "send_email"],
  ["billing:charge", "billing/charge"],
  ["WebHook", "webhook"],
  ["reports", "report"],
])("%s most likely stands for %s", (name, meant) => {
  expect(closestName(name, tasks)).toBe(meant);
});

test.each(["x", "archive", "database_backup"])("%s stands for none of them", (name) => {
  expect(closestName(name, tasks)).toBeNull();
});
