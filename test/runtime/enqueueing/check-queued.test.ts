import { expect, test } from "vitest";
import { z } from "zod";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import { checkQueued } from "../../../src/runtime/enqueueing/check-queued.ts";

function taskOf(payload: unknown) {
  const origin = { name: "t", file: "t.ts", version: 1, layers: [] };
  return resolveTask({ payload, handler() {} }, origin);
}

async function* queued(...payloads: unknown[]) {
  for (const [index, payload] of payloads.entries()) {
    yield { id: `${index + 1}`, task: "t", payload: JSON.stringify(payload) };
  }
}

test("the same place is one, whatever its position in a list, most jobs first", async () => {
  const schema = z.object({ n: z.number(), items: z.array(z.object({ to: z.string() })) });
  const right = { n: 1, items: [{ to: "a" }] };
  const wrong = { n: "x", items: [{ to: 1 }, { to: 2 }] };
  const half = { n: 1, items: [{ to: "a" }, { to: 3 }] };
  const report = await checkQueued(queued(right, wrong, half), () => taskOf(schema));
  expect(report).toMatchObject({ jobs: 3, failing: 2, unknown: [] });
  expect(report.tasks[0]?.places).toMatchObject([
    { path: "$.items[].to", jobs: 2, ids: ["2", "3"], message: expect.stringMatching(/string/) },
    { path: "$.n", jobs: 1, ids: ["2"] },
  ]);
});

test("names the first five jobs of a place", async () => {
  const report = await checkQueued(queued(1, 2, 3, 4, 5, 6), () => taskOf(z.string()));
  expect(report.tasks[0]?.places).toMatchObject([
    { path: "$", jobs: 6, ids: ["1", "2", "3", "4", "5"] },
  ]);
});

test("a schema that throws would make the job fail too", async () => {
  const schema = z.string().refine(() => {
    throw new Error("no dictionary");
  });
  const report = await checkQueued(queued("a"), () => taskOf(schema));
  expect(report.tasks[0]?.places).toMatchObject([{ path: "$", message: "no dictionary" }]);
});

test("what the schema turns into something else is as right as it is at run time", async () => {
  const report = await checkQueued(queued("5"), () => taskOf(z.coerce.number().pipe(z.int())));
  expect(report).toMatchObject({ jobs: 1, failing: 0 });
});
