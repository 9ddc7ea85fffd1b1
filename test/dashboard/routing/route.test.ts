import fc from "fast-check";
import { expect, test } from "vitest";
import { href, parseRoute } from "../../../src/dashboard/routing/route.ts";

test.each([
  ["", "overview", ""],
  ["#/", "overview", ""],
  ["#/jobs?status=failed", "jobs", ""],
  ["#/job/17", "job", "17"],
  ["#/task/billing%2Fcharge", "task", "billing/charge"],
  ["#/add/data/export", "add", "data/export"],
])("%s shows %s", (hash, screen, id) => {
  expect(parseRoute(hash)).toMatchObject({ screen, id });
});

test.each(["#/nowhere", "#/job", "#/jobs/1", "#/task/", "#/__proto__"])("%s is unknown", (hash) => {
  expect(parseRoute(hash).screen).toBe("unknown");
});

test("an address that is broken is shown as it is", () => {
  expect(parseRoute("#/task/%E0%A4%A").id).toBe("%E0%A4%A");
});

test("any name and any filter come back as they went in", () => {
  const text = fc.string({ minLength: 1, unit: "grapheme" });
  fc.assert(
    fc.property(text, text, text, (id, status, payload) => {
      const back = parseRoute(href("task", id, { status, payload: [payload, "b=1"], empty: "" }));
      expect(back).toMatchObject({ screen: "task", id });
      expect(back.params.get("status")).toBe(status);
      expect(back.params.getAll("payload")).toEqual([payload, "b=1"]);
      expect(back.params.has("empty")).toBe(false);
    }),
  );
});
