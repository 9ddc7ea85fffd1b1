import { afterEach, expect, test } from "vitest";
import { retryJob } from "../../../src/store/queue/retry-job.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let kit: TestRuntime;
afterEach(() => kit?.stop());

test("a job that has failed for good is due again, with all its attempts", async () => {
  let broken = true;
  kit = await testRuntime({
    flaky: async () => {
      if (broken) throw new Error("PERMANENT: broken");
      return "mended";
    },
  });
  const { id } = await kit.enqueue("flaky");
  await kit.drain();
  expect(await kit.job(id)).toMatchObject({ state: "failed" });
  broken = false;
  expect(await retryJob(kit.db, schemas, id)).toBe(true);
  expect(await kit.job(id)).toMatchObject({ state: "pending", attempts: 0 });
  await kit.drain();
  expect(await kit.job(id)).toMatchObject({ state: "completed", attempts: 1, output: "mended" });
});

test("a job that waits, or is gone, is left alone", async () => {
  kit = await testRuntime({ later: async () => null });
  const { id } = await kit.enqueue("later", {}, { delay: "1h" });
  const before = await kit.job(id);
  expect(await retryJob(kit.db, schemas, id)).toBe(false);
  expect(await kit.job(id)).toEqual(before);
  expect(await retryJob(kit.db, schemas, "999999")).toBe(false);
});
