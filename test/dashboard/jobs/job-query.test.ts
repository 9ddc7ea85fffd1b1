import { expect, test } from "vitest";
import {
  apiFilter,
  idIn,
  isUnfiltered,
  paramsFromQuery,
  queryFromParams,
  searchText,
  withSearch,
} from "../../../src/dashboard/jobs/job-query.ts";
import { href, parseRoute } from "../../../src/dashboard/routing/route.ts";

const all = queryFromParams(new URLSearchParams());
const now = Date.parse("2030-01-31T08:00:00Z");

test("without a filter every job is shown", () => {
  expect(isUnfiltered(all)).toBe(true);
  expect(apiFilter(all, now)).toEqual({});
});

test("what is typed is understood part by part", () => {
  const { query, unknown } = withSearch(
    { ...all, status: "failed" },
    'queue:mail correlation:abc error:1f2e user.id=7 name="Ada Lovelace" no mai',
    ["email", "mai", "mail"],
  );
  expect(unknown).toEqual(["no"]);
  expect(query).toEqual({
    ...all,
    status: "failed",
    queue: "mail",
    correlation: "abc",
    fingerprint: "1f2e",
    payload: ["user.id=7", "name=Ada Lovelace"],
    task: "mai",
  });
  expect(isUnfiltered(query)).toBe(false);
});

test("a search that is shown again means the same, also through the address", () => {
  const { query } = withSearch(all, 'queue:"slow mail" a.b=1 c="x y"');
  expect(withSearch(all, searchText(query))).toEqual({ query, unknown: [] });
  const { params } = parseRoute(href("jobs", "", paramsFromQuery(query)));
  expect(queryFromParams(params)).toEqual(query);
});

test("searching for something else forgets what was searched for", () => {
  const { query } = withSearch({ ...all, task: "email" }, "queue:mail a=1");
  expect(withSearch(query, "b=2").query).toEqual({ ...all, task: "email", payload: ["b=2"] });
});

test("the API is asked in its own words", () => {
  const query = {
    ...withSearch(all, "queue:q a=1").query,
    status: "failed",
    task: "t",
    since: "1h",
  };
  expect(apiFilter(query, now)).toEqual({
    status: "failed",
    task_type: "t",
    queue: "q",
    payload: ["a=1"],
    since: "2030-01-31T07:00:00.000Z",
  });
  const since = "2030-01-01T00:00:00Z";
  expect(apiFilter({ ...all, since }, now)).toEqual({ since });
});

test("a word is a task, or a part of its name", () => {
  const tasks = ["billing/charge", "charge"];
  expect(withSearch(all, "charge", tasks).query.task).toBe("charge");
  expect(withSearch(all, "bill", tasks).query.task).toBe("billing/charge");
});

test("a state that doesn't exist is none", () => {
  expect(queryFromParams(new URLSearchParams("status=done")).status).toBe("");
});

test("a number is a job's id", () => {
  expect([" 17 ", "#17", "a=17", "17a", ""].map(idIn)).toEqual(["17", "17", null, null, null]);
});
