import { expect, test } from "vitest";
import { defaultClient } from "../../src/client/default-client.ts";
import { defineTask } from "../../src/client/define-task.ts";

test("tasks of one project share one client, which connects to nothing before it is used", async () => {
  const [one, other] = [defineTask({ handler: () => 1 }), defineTask({ handler: () => 2 })];
  expect(await defaultClient(one)).toBe(await defaultClient(other));
});
