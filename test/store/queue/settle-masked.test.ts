import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { maskAt } from "../../../src/core/mask.ts";
import { settleCompleted } from "../../../src/store/queue/settle.ts";
import { settleMasked } from "../../../src/store/queue/settle-masked.ts";
import { completed, type QueueKit, queueKit } from "../../support/queue-kit.ts";

let kit: QueueKit;
beforeEach(async () => {
  kit = await queueKit();
});
afterEach(() => kit.stop());

const records = async () =>
  (await kit.db.query("select payload, metadata, masked from taskrun.history order by job_id"))
    .rows;

async function takeOne(payload: unknown, options = {}) {
  await kit.add(options, payload);
  const [job] = await kit.take("p");
  if (job === undefined) throw new Error("nothing to take");
  return job;
}

test("a record has no secrets and says that it lacks them", async () => {
  const job = await takeOne({ key: "hunter2", a: 1 }, { metadata: { key: "x", note: "y" } });
  const marks = [{ ids: [job.id], paths: [["key"]] }];
  const settled = await settleMasked(kit.db, kit.schemas, marks, (db) =>
    settleCompleted(db, kit.schemas, [completed(job)]),
  );
  expect(settled).toBe(1);
  expect(await records()).toEqual([
    {
      payload: { key: "[secret]", a: 1 },
      metadata: { key: "[secret]", note: "y" },
      masked: true,
    },
  ]);
});

test("a record that had none is as it would be", async () => {
  const job = await takeOne({ a: 1 });
  const marks = [{ ids: [job.id], paths: [["key"]] }];
  await settleMasked(kit.db, kit.schemas, marks, (db) =>
    settleCompleted(db, kit.schemas, [completed(job)]),
  );
  expect(await records()).toEqual([{ payload: { a: 1 }, metadata: null, masked: null }]);
});

test("what can't be masked is not settled either", async () => {
  const job = await takeOne({ key: "hunter2" });
  const marks = [{ ids: ["no id"], paths: [] }];
  const settled = settleMasked(kit.db, kit.schemas, marks, (db) =>
    settleCompleted(db, kit.schemas, [completed(job)]),
  );
  await expect(settled).rejects.toThrow(/bigint/);
  expect(await records()).toEqual([]);
  expect(await kit.row(job.id)).toMatchObject({ locked_by: "p" });
});

test("SQL masks as TypeScript does", async () => {
  const step = fc.constantFrom("a", "b", "*", "**", "0", "1");
  const value = fc.jsonValue({ maxDepth: 4 }).map((given) => ({ a: given, b: [given, { a: 1 }] }));
  await fc.assert(
    fc.asyncProperty(value, fc.array(step, { maxLength: 4 }), async (given, path) => {
      // jsonb takes neither of these, and -0 comes back as 0.
      const json = JSON.stringify(given);
      fc.pre(!/\\u0000|\\ud[89a-f]/i.test(json) && path.at(-1) !== "**");
      const { rows } = await kit.db.query("select taskrun.mask_at($1, $2) as masked", [json, path]);
      expect(rows[0].masked).toEqual(maskAt(JSON.parse(json), [path]));
    }),
    { numRuns: 150 },
  );
});

test("what jsonb refuses is masked as a whole", async () => {
  const { rows } = await kit.db.query(
    `select taskrun.mask_json('{"key":"a\\u0000b"}', '[["key"]]') as masked`,
  );
  expect(rows).toEqual([{ masked: "[secret]" }]);
});
