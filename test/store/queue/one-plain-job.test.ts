import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addPlainJobs } from "../../../src/store/plain-jobs.ts";
import { addOnePlainJob } from "../../../src/store/queue/one-plain-job.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let queue: QueueKit;
beforeAll(async () => {
  queue = await queueKit();
});
afterAll(() => queue.stop());

const jobOf = (
  options: Readonly<Record<string, unknown>>,
  payload: unknown = { text: 'ü "\\' },
) => ({
  kind: { json: JSON.stringify({ task: "known", validate: false, ...options }) },
  payloadJson: JSON.stringify(payload),
});

test.each([{}, { priority: -30 }, { max_attempts: 3 }, { priority: 7, max_attempts: 1 }])(
  "writes the row that the function writes: %o",
  async (options) => {
    const { db, schemas } = queue;
    const [byFunction] = await addPlainJobs(db, schemas, [jobOf(options)]);
    const byStatement = await addOnePlainJob(db, schemas, jobOf(options));
    expect(byStatement).not.toBe(byFunction);
    const told = async (id: string | null | undefined) => {
      const row = await queue.row(String(id));
      const { id: _, run_at, created_at, updated_at, ...same } = row ?? {};
      return { ...same, isDueAtOnce: Number(run_at) === Number(created_at) };
    };
    expect(await told(byStatement)).toEqual(await told(byFunction));
    expect(await told(byStatement)).toMatchObject({
      payload: { text: 'ü "\\' },
      isDueAtOnce: true,
    });
  },
);

test("wakes those who listen, as the queue's own functions do", async () => {
  const { db, schemas } = queue;
  await addPlainJobs(db, schemas, [jobOf({})]);
  const listener = new pg.Client(queue.kit.connectionString);
  await listener.connect();
  try {
    await listener.query('listen "jobs:insert"');
    const heard = new Promise<string | undefined>((resolve) => {
      listener.once("notification", ({ payload }) => resolve(payload));
    });
    await addOnePlainJob(db, schemas, jobOf({}));
    expect(JSON.parse((await heard) ?? "")).toEqual({ r: expect.any(Number), count: 1 });
  } finally {
    await listener.end();
  }
});

test.each([
  { queue: "line" },
  { run_at: "2030-01-01T00:00:00Z" },
  { metadata: { a: 1 } },
  { validate: true },
  { validate: undefined },
  { task: "a task that nobody has named yet" },
])("adds none that says more, and none of a task that is new: %o", async (options) => {
  const { db, schemas } = queue;
  const count = async () =>
    (await db.query("select count(*)::int as n from graphile_worker._private_jobs")).rows[0].n;
  const before = await count();
  expect(await addOnePlainJob(db, schemas, jobOf(options))).toBeNull();
  expect(await count()).toBe(before);
});
