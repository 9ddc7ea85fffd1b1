import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fetchGatedJobs, type GatedRequest } from "../../../src/store/queue/fetch-gated.ts";
import { registerTaskNames } from "../../../src/store/queue/register-task-names.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";
import { addManyBySql } from "../../support/test-runtime.ts";

let q: QueueKit;
let ids: Map<string, number>;
beforeEach(async () => {
  q = await queueKit();
  const byId = await registerTaskNames(q.db, q.schemas, ["free", "capped", "alias", "held"]);
  ids = new Map([...byId].map(([id, name]) => [name, id]));
});
afterEach(() => q.stop());

const idOf = (name: string) => ids.get(name) ?? Number.NaN;

interface Wanted extends Partial<GatedRequest> {
  readonly capped?: number;
}

async function take({ capped = 0, ...more }: Wanted = {}) {
  const lane = { taskIds: [idOf("capped"), idOf("alias")], slots: capped };
  const asked = capped > 0 ? ["free", "capped", "alias"] : ["free"];
  const found = await fetchGatedJobs(q.db, q.schemas, {
    processId: "p",
    taskNames: new Map(asked.map((name) => [idOf(name), name])),
    open: [idOf("free")],
    lanes: capped > 0 ? [lane] : [],
    limit: 100,
    pausedQueues: [],
    byTask: false,
    ...more,
  });
  return { ...found, tasks: found.jobs.map((job) => job.task) };
}

const count = (tasks: readonly string[], task: string) =>
  tasks.filter((each) => each === task).length;

describe.each([false, true])("looking task by task: %s", (byTask) => {
  test("brings no more of a task than it has slots, whichever names and queues its jobs have", async () => {
    await addManyBySql(q.kit, "capped", 5);
    await addManyBySql(q.kit, "alias", 5);
    for (const queue of ["a", "b", "c"]) await q.add({ queue }, {}, "capped");
    await addManyBySql(q.kit, "free", 5);
    const { tasks } = await take({ capped: 3, byTask });
    expect(tasks).toHaveLength(8);
    expect(count(tasks, "free")).toBe(5);
    expect((await take({ capped: 20, byTask })).tasks).toHaveLength(10);
  });

  test("brings the best of all together, within the limit", async () => {
    for (const [task, priority] of [
      ["capped", 3],
      ["free", 1],
      ["capped", 0],
      ["free", 2],
    ] as const) {
      await q.add({ priority }, {}, task);
    }
    await q.add({ priority: -1, queue: "line" }, {}, "free");
    const { jobs } = await take({ capped: 2, limit: 4, byTask });
    expect(jobs.map((job) => job.priority)).toEqual([-1, 0, 1, 2]);
  });

  test("finds what is wanted behind any number of jobs that are not", async () => {
    await addManyBySql(q.kit, "held", 3000);
    await addManyBySql(q.kit, "free", 30);
    const { jobs } = await take({ limit: 10, byTask });
    const sorted = jobs.map((job) => job.id).toSorted((a, b) => Number(a) - Number(b));
    expect(jobs.map((job) => job.id)).toEqual(sorted);
    expect(jobs.map((job) => job.task)).toEqual(Array(10).fill("free"));
    expect(Number(sorted[0])).toBe(3001);
  });

  test("leaves paused serial queues alone, and no others", async () => {
    await q.add({ queue: "held" }, {}, "free");
    const wanted = await q.add({ queue: "line" }, {}, "free");
    const { jobs } = await take({ pausedQueues: ["held"], byTask });
    expect(jobs.map((job) => job.id)).toEqual([wanted]);
    expect(await q.lockedQueues()).toEqual(["line"]);
  });

  test("counts the attempts of what it brings and of nothing else", async () => {
    const [first, second] = [await q.add({}, {}, "capped"), await q.add({}, {}, "capped")];
    await take({ capped: 1, byTask });
    expect(await q.row(first)).toMatchObject({ attempts: 1, locked_by: "p" });
    expect(await q.row(second)).toMatchObject({ attempts: 0, locked_by: null });
  });

  test("shares the work with others who look at the same moment", async () => {
    await addManyBySql(q.kit, "free", 200);
    // How many one look brings is a matter of how the others' go meanwhile.
    const work = async (processId: string) => {
      const looks: string[][] = [];
      do {
        const { jobs } = await take({ processId, limit: 50, byTask });
        looks.push(jobs.map((job) => job.id));
      } while (looks.at(-1)?.length !== 0);
      return looks;
    };
    const all = await Promise.all(["p", "r", "s"].map(work));
    const taken = all.flat(2);
    expect(taken).toHaveLength(200);
    expect(new Set(taken).size).toBe(200);
  });

  test("finds what is behind all that others have their hands on", async () => {
    await addManyBySql(q.kit, "free", 400);
    const other = await q.db.connect();
    try {
      await other.query("begin");
      await other.query(
        `select id from ${q.schemas.queue}._private_jobs order by id limit 300 for update`,
      );
      const { jobs, leftBehind } = await take({ limit: 50, byTask });
      expect(jobs.map((job) => Number(job.id))).toEqual(
        Array.from({ length: 50 }, (_, i) => 301 + i),
      );
      expect(leftBehind).toBe(false);
    } finally {
      await other.query("rollback");
      other.release();
    }
  });
});

test("tells of a serial queue whose first job was one too many", async () => {
  await q.add({ queue: "a" }, {}, "capped");
  await q.add({ queue: "b" }, {}, "capped");
  const behind = await q.add({ queue: "b" }, {}, "free");
  const { jobs, leftBehind } = await take({ capped: 1 });
  expect(jobs.map((job) => job.queue)).toEqual(["a"]);
  expect(leftBehind).toBe(true);
  // With no slot left the task is not asked for: then the queue's next job is the first.
  const next = await take();
  expect(next.jobs.map((job) => job.id)).toEqual([behind]);
  expect(next.leftBehind).toBe(false);
});
