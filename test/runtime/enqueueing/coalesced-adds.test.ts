import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { CoalescedAdds } from "../../../src/runtime/enqueueing/coalesced-adds.ts";
import { addPlainJobs, type PlainJob } from "../../../src/store/plain-jobs.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let queue: QueueKit;

beforeAll(async () => {
  queue = await queueKit();
});

afterAll(() => queue.stop());

function plainJob(payload: unknown, kind: Record<string, unknown> = {}): PlainJob {
  return {
    kind: { json: JSON.stringify({ task: "t", ...kind }) },
    payloadJson: JSON.stringify(payload),
  };
}

/** Adds to the database, and keeps how many jobs each statement had. */
function counted() {
  const sizes: number[] = [];
  const adds = new CoalescedAdds((jobs) => {
    sizes.push(jobs.length);
    return addPlainJobs(queue.db, queue.schemas, jobs);
  });
  return { adds, sizes };
}

async function payloadsOf(ids: readonly string[]) {
  const rows = await Promise.all(ids.map((id) => queue.row(id)));
  return rows.map((row) => row?.payload);
}

/** Statements that end when the test says so. */
function held() {
  const calls: { jobs: readonly PlainJob[]; end: (outcome?: Error) => void }[] = [];
  const adds = new CoalescedAdds(
    (jobs) =>
      new Promise((resolve, reject) => {
        const end = (outcome?: Error) => {
          if (outcome === undefined) resolve(jobs.map(({ payloadJson }) => payloadJson));
          else reject(outcome);
        };
        calls.push({ jobs, end });
      }),
  );
  return { adds, calls };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("what is added in one turn goes in one statement, each with its own id", async () => {
  const { adds, sizes } = counted();
  const ids = await Promise.all([1, 2, 3].map((n) => adds.add(plainJob({ n }))));
  expect(sizes).toEqual([3]);
  expect(await payloadsOf(ids)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
});

test("one after the other, each goes at once", async () => {
  const { adds, sizes } = counted();
  for (const n of [1, 2, 3]) await adds.add(plainJob({ n }));
  expect(sizes).toEqual([1, 1, 1]);
});

test("what comes while a statement is under way goes into the next", async () => {
  // Else a machine that stands still for some milliseconds makes the first one look held up.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const { adds, calls } = held();
  const first = adds.add(plainJob(0));
  await turn();
  const later = [1, 2, 3].map((n) => adds.add(plainJob(n)));
  await turn();
  expect(calls.map(({ jobs }) => jobs.length)).toEqual([1]);
  calls[0]?.end();
  expect(await first).toBe("0");
  await turn();
  expect(calls.map(({ jobs }) => jobs.length)).toEqual([1, 3]);
  calls[1]?.end();
  expect(await Promise.all(later)).toEqual(["1", "2", "3"]);
});

test("a statement that is held up doesn't hold up the others", async () => {
  const { adds, calls } = held();
  const stuck = adds.add(plainJob("stuck"));
  await turn();
  const other = adds.add(plainJob("other"));
  await expect.poll(() => calls.length).toBe(2);
  calls[1]?.end();
  expect(await other).toBe('"other"');
  calls[0]?.end();
  await stuck;
});

test("a thousand at most go together, and a million characters", async () => {
  const { adds, sizes } = counted();
  await Promise.all(Array.from({ length: 2500 }, (_, n) => adds.add(plainJob(n))));
  expect(Math.max(...sizes)).toBe(1000);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(2500);
  const large = counted();
  await Promise.all([1, 2, 3].map((n) => large.adds.add(plainJob(`${n}`.repeat(600_000)))));
  expect(large.sizes).toEqual([1, 1, 1]);
});

describe("a job that the database refuses", () => {
  test("fails alone", async () => {
    const { adds } = counted();
    const wrong = new Set([3, 7]);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) =>
        adds.add(plainJob({ n }, wrong.has(n) ? { priority: 99_999 } : {})),
      ),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(
      outcomes.map((_, n) => (wrong.has(n) ? "rejected" : "fulfilled")),
    );
    const added = outcomes.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    expect(await payloadsOf(added)).toEqual([0, 1, 2, 4, 5, 6, 8, 9].map((n) => ({ n })));
  });
});

test.each([
  ["a lost connection: it may have been added", "08006"],
  ["a missing permission: all would be refused", "42501"],
])("nothing is sent again after %s", async (_, code) => {
  const { adds, calls } = held();
  const all = Promise.allSettled([1, 2].map((n) => adds.add(plainJob(n))));
  await turn();
  const lost = Object.assign(new Error("no"), { code });
  calls[0]?.end(lost);
  expect(await all).toEqual([
    { status: "rejected", reason: lost },
    { status: "rejected", reason: lost },
  ]);
  await turn();
  expect(calls).toHaveLength(1);
});
