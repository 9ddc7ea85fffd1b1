/** The document itself; that answers match it, every test's `ask` sees to. */

import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import type { OpenApiDocument } from "../../src/http/openapi.ts";
import { httpApi } from "../support/http-api.ts";
import { checkAnswer, openApi } from "../support/openapi-check.ts";

test("the document is OpenAPI 3.1, says what every call does, and is served as it is", async () => {
  await using api = await httpApi({ config: { httpPrefix: "/jobs" } });
  const reply = await fetch(`${api.url}/openapi.json`);
  const served = (await reply.json()) as Omit<OpenApiDocument, "components">; // why: looked at next
  const validator = new Validator();
  const { valid, errors } = await validator.validate({ ...structuredClone(served) });
  expect(errors ?? []).toEqual([]);
  expect([valid, validator.version]).toEqual([true, "3.1"]);
  expect(served.paths).toEqual(JSON.parse(JSON.stringify(openApi.paths)));
  expect(served.servers).toEqual([{ url: "/jobs" }]);
  const operations = Object.values(openApi.paths).flatMap((methods) => Object.values(methods));
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { summary, responses, operationId } of operations) {
    expect(summary, operationId).not.toBe("");
    expect(Object.keys(responses).length, operationId).toBeGreaterThan(0);
  }
  expect(openApi.paths["/tasks"]?.post).toMatchObject({
    security: [{ token: [] }, { session: [] }],
    parameters: [{ name: "Idempotency-Key", in: "header" }],
    requestBody: {
      required: true,
      content: { "application/json": { schema: { required: ["task_type"] } } },
    },
  });
  expect(openApi.paths["/tasks"]?.get?.parameters).toContainEqual(
    expect.objectContaining({
      name: "payload",
      schema: expect.objectContaining({ type: "array" }),
    }),
  );
});

test("an answer that the document doesn't have is noticed", () => {
  const data = {
    id: "1",
    task_type: "a",
    status: "pending",
    priority: "normal",
    created_at: "2030-01-01T00:00:00.000Z",
  };
  const check =
    (more: object, status = 201) =>
    () =>
      checkAnswer({
        method: "POST",
        path: "/tasks",
        status,
        body: { success: true, data: { ...data, ...more } },
      });
  expect(check({})).not.toThrow();
  expect(check({}, 200)).toThrow("nothing is said");
  expect(check({ id: 1 })).toThrow("must be string");
  expect(check({ created_at: "today" })).toThrow("date-time");
  expect(check({ extra: 1 })).toThrow("must NOT have additional properties");
  expect(check({ status: undefined })).toThrow("status");
});
