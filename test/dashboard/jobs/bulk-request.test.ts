import { expect, test } from "vitest";
import { bulkRequest } from "../../../src/dashboard/jobs/bulk-request.ts";
import { queryFromParams } from "../../../src/dashboard/jobs/job-query.ts";

const query = (params: string) => queryFromParams(new URLSearchParams(params));

const none = new Set<string>();

test("what is selected is meant, whatever the filter says", () => {
  const { which, body } = bulkRequest("retry", query("status=failed"), new Set(["3", "5"]));
  expect(which).toBe("the 2 selected jobs");
  expect(body).toEqual({ operation: "retry", filter: { ids: ["3", "5"] } });
});

test("without a filter all are meant, and that is said", () => {
  const { which, body } = bulkRequest("cancel", query(""), none);
  expect([which, body]).toEqual(["all jobs", { operation: "cancel", all: true }]);
});

test("a filter is sent as it is", () => {
  const { which, body } = bulkRequest("retry", query("status=failed&task=email"), none);
  const filter = { status: "failed", task_type: "email" };
  expect([which, body]).toEqual(["all that match", { operation: "retry", filter }]);
});

test("so is what is in a payload or an error, which the API finds up to a number", () => {
  const { which, body } = bulkRequest("retry", query("payload=a.b%3D1&payload=c%3D2"), none);
  expect(which).toBe("all that match, 10,000 at most");
  expect(body).toEqual({ operation: "retry", filter: { payload: ["a.b=1", "c=2"] } });
  const byError = bulkRequest("retry", query("fingerprint=x"), none);
  expect(byError.which).toContain("10,000 at most");
  expect(byError.body).toEqual({ operation: "retry", filter: { fingerprint: "x" } });
});
