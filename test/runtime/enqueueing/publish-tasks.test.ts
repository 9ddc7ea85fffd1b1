import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { publishTasks } from "../../../src/runtime/enqueueing/publish-tasks.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../../support/test-runtime.ts";

let runtime: TestRuntime | undefined;
afterEach(async () => {
  await runtime?.stop();
});

test("each task is written under its name and its aliases, its own name winning", async () => {
  runtime = await testRuntime({
    mail: {
      payload: z.object({ to: z.string() }),
      aliases: ["mail:send", "plain"],
      description: "Sends \0a mail.",
      retain: { completed: "1h", failed: false },
      redact: ["$.key"],
      handler: () => null,
    },
    plain: () => null,
  });
  const { db, catalog } = runtime;
  const schemas = schemasFor("graphile_worker");
  const names = await publishTasks({ db, schemas, catalog, processId: null });
  expect(names.toSorted()).toEqual(["mail", "mail:send", "plain"]);
  const { rows } = await db.query("select * from taskrun.tasks order by name");
  const mail = {
    task: "mail",
    description: "Sends a mail.",
    payload_schema: { type: "object", properties: { to: { type: "string" } }, required: ["to"] },
    retain_completed_ms: 3_600_000,
    retain_cancelled_ms: 86_400_000,
    retain_failed_ms: null,
    secrets: { payload: [["key"]], output: [["key"]] },
    published_by: null,
  };
  expect(rows).toMatchObject([
    { name: "mail", ...mail },
    { name: "mail:send", ...mail },
    { name: "plain", task: "plain", description: null, payload_schema: null },
  ]);
});
