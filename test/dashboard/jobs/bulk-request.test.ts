import { expect, test } from "vitest";
import type { ApiClient, Query } from "../../../src/dashboard/api/api-client.ts";
import { bulkRequest } from "../../../src/dashboard/jobs/bulk-request.ts";
import { queryFromParams } from "../../../src/dashboard/jobs/job-query.ts";

const query = (params: string) => queryFromParams(new URLSearchParams(params));

/** An API with so many jobs that match, which notes how it was asked. */
function apiWith(count: number) {
  const asked: Query[] = [];
  const list = async (_: string, { limit, cursor, ...filter }: Query = {}) => {
    asked.push(filter);
    const from = cursor ? Number(cursor) : count + 1;
    const ids = Array.from({ length: Math.min(Number(limit), from - 1) }, (_, n) => from - 1 - n);
    const last = ids.at(-1) ?? 1;
    return { rows: ids.map((id) => ({ id: String(id) })), nextCursor: last > 1 ? `${last}` : null };
  };
  // why: the ids are all that is read of a row
  return { asked, api: { list } as unknown as Pick<ApiClient, "list"> };
}

const none = new Set<string>();

test("what is selected is meant, whatever the filter says", async () => {
  const { api } = apiWith(0);
  const { which, body } = bulkRequest(api, "retry", query("status=failed"), new Set(["3", "5"]));
  expect(which).toBe("the 2 selected jobs");
  expect(await body()).toEqual({ operation: "retry", filter: { ids: ["3", "5"] } });
});

test("without a filter all are meant, and that is said", async () => {
  const { which, body } = bulkRequest(apiWith(0).api, "cancel", query(""), none);
  expect([which, await body()]).toEqual(["all jobs", { operation: "cancel", all: true }]);
});

test("a filter that bulk operations know is sent as it is", async () => {
  const { api, asked } = apiWith(7);
  const { body } = bulkRequest(api, "retry", query("status=failed&task=email"), none);
  const filter = { status: "failed", task_type: "email" };
  expect(await body()).toEqual({ operation: "retry", filter });
  expect(asked).toEqual([]);
});

test("a filter that only lists know is sent as the ids that it finds, all pages of them", async () => {
  const { api, asked } = apiWith(1_100);
  const { body } = bulkRequest(api, "retry", query("payload=a.b%3D1&status=failed"), none);
  const { filter } = (await body()) as { filter: { ids: string[] } };
  expect(new Set(filter.ids).size).toBe(1_100);
  expect(asked).toEqual(Array(3).fill({ status: "failed", payload: ["a.b=1"] }));
});

test("more than the API takes at once are not sent", async () => {
  const { body, which } = bulkRequest(apiWith(12_000).api, "retry", query("fingerprint=x"), none);
  const { filter } = (await body()) as { filter: { ids: string[] } };
  expect(filter.ids).toHaveLength(10_000);
  expect(which).toContain("10,000 at most");
});
