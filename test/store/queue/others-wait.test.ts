import { afterEach, beforeEach, expect, test } from "vitest";
import { othersWait } from "../../../src/store/queue/others-wait.ts";
import { registerTaskNames } from "../../../src/store/queue/register-task-names.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

async function ask(): Promise<boolean> {
  const names = await registerTaskNames(q.db, q.schemas, ["t", "u"]);
  return othersWait(q.db, q.schemas, [...names.keys()]);
}

test("only jobs of other tasks are found, and only while they wait", async () => {
  expect(await ask()).toBe(false);
  await q.add();
  await q.add({}, {}, "u");
  expect(await ask()).toBe(false);
  await q.add({}, {}, "elsewhere");
  await q.add({}, {}, "elsewhere");
  expect(await ask()).toBe(true);
  await q.take("p", 2, ["elsewhere"]);
  expect(await ask()).toBe(false);
});

test("serial queues are looked at by their heads, so their jobs don't count", async () => {
  await q.add({ queue: "line" }, {}, "elsewhere");
  expect(await ask()).toBe(false);
});
