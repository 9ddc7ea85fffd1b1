import { expect, test } from "vitest";
import { graphLayout } from "../../../src/dashboard/job/graph-layout.ts";
import { jobDetails } from "../job-details.ts";

const other = (id: string, status: string | null = "completed") => ({
  id,
  task_type: status === null ? null : "other",
  status,
});

test("a job without relatives has no graph", () => {
  expect(graphLayout(jobDetails({}))).toBeNull();
});

test("what came before is left of the job, what follows right of it", () => {
  const layout = graphLayout(
    jobDetails({
      id: "5",
      parent: other("1"),
      waits_for: [other("2"), other("1")],
      children: [other("6")],
      waited_for_by: [other("7", null)],
    }),
  );
  const at = new Map(layout?.nodes.map((node) => [node.id, node]));
  expect([...at.keys()]).toEqual(["1", "2", "5", "6", "7"]);
  expect(at.get("1")?.x).toBeLessThan(at.get("5")?.x ?? 0);
  expect(at.get("7")?.x).toBeGreaterThan(at.get("5")?.x ?? 0);
  expect(at.get("7")).toMatchObject({ task: "no longer kept", status: "" });
  const edges = layout?.edges.map(({ from, to, waits }) => [from.id, to.id, waits]);
  expect(edges).toEqual([
    ["1", "5", true],
    ["2", "5", true],
    ["5", "6", false],
    ["5", "7", true],
  ]);
});

test("nothing lies on anything else, and all of it inside", () => {
  const children = Array.from({ length: 20 }, (_, index) => other(String(100 + index)));
  const layout = graphLayout(jobDetails({ id: "5", children }));
  expect(layout?.nodes).toHaveLength(21);
  const places = layout?.nodes.map(({ x, y }) => `${x} ${y}`) ?? [];
  expect(new Set(places).size).toBe(21);
  for (const { x, y } of layout?.nodes ?? []) {
    expect(x >= 0 && x < (layout?.width ?? 0) && y >= 0 && y < (layout?.height ?? 0)).toBe(true);
  }
});
