import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { FetchRounds } from "../../../src/runtime/fetching/fetch-rounds.ts";
import type { Fetched } from "../../../src/runtime/fetching/job-fetcher.ts";
import type { Settler } from "../../../src/runtime/settling/settle.ts";
import type { QueueJob } from "../../../src/store/queue/queue-job.ts";

interface Asked {
  readonly limit: number;
  readonly urgent: boolean;
  answer(count: number, more?: boolean): Promise<void>;
  fail(): Promise<void>;
}

let rounds: FetchRounds;
afterEach(() => rounds?.stop());

function started(concurrency: number) {
  const asked: Asked[] = [];
  const taken: { count: number; isVoid: boolean }[] = [];
  const errors: unknown[] = [];
  const kit = { asked, taken, errors, held: 0, backlog: 0, wakes: 0, released: 0 };
  const settler = {
    get backlog() {
      return kit.backlog;
    },
  };
  rounds = new FetchRounds({
    concurrency,
    settler: settler as Settler, // why: of it, only this is asked
    fetch: (limit, urgent) => {
      const { promise, resolve, reject } = Promise.withResolvers<Fetched>();
      const settled = () => pause(0);
      asked.push({
        limit,
        urgent,
        answer: (count, more = count >= limit) => {
          const jobs = Array.from({ length: count }, (): QueueJob => Object.create(null));
          const release = () => {
            kit.released += 1;
          };
          resolve({ jobs, more, release });
          return settled();
        },
        fail: () => {
          reject(new Error("away"));
          return settled();
        },
      });
      return promise;
    },
    held: () => kit.held,
    take: (jobs, isVoid) => void taken.push({ count: jobs.length, isVoid }),
    onFetched: () => {},
    onFetchError: (error) => void errors.push(error),
    onAnswered: () => {},
    wake: () => {
      kit.wakes += 1;
      rounds.hint();
    },
  });
  rounds.start();
  return kit;
}

/** Answers in full, at a high pace, until large pieces are asked for. */
async function untilDeep(kit: ReturnType<typeof started>): Promise<void> {
  rounds.hint();
  for (let n = 0; n < 5; n += 1) {
    for (let done = 0; done < 10_000; done += 1) rounds.finished();
    rounds.askIfRoom();
    const last = kit.asked.at(-1);
    await last?.answer(last.limit, true);
  }
}

test("asks for as many as there is room for, once something may be due", async () => {
  const kit = started(10);
  rounds.askIfRoom();
  expect(kit.asked).toEqual([]);
  rounds.hint();
  kit.held = 4;
  rounds.askIfRoom();
  // A shallow queue is asked by one statement at a time.
  rounds.askIfRoom();
  expect(kit.asked).toMatchObject([{ limit: 6, urgent: false }]);
  await kit.asked[0]?.answer(2);
  expect(kit.taken).toEqual([{ count: 2, isVoid: false }]);
  expect(kit).toMatchObject({ released: 1 });
  rounds.askIfRoom();
  expect(kit.asked).toHaveLength(1);
});

test("a hint that comes while a statement is under way is not answered by it", async () => {
  const kit = started(10);
  rounds.hint();
  rounds.askIfRoom();
  rounds.hint();
  await kit.asked[0]?.answer(0);
  expect(rounds.mayBeDue).toBe(true);
  rounds.askIfRoom();
  expect(kit.asked).toHaveLength(2);
});

test("asks for nothing without room, or while settling is far behind", async () => {
  const kit = started(10);
  rounds.hint();
  kit.held = 10;
  rounds.askIfRoom();
  kit.held = 0;
  kit.backlog = 5000;
  rounds.askIfRoom();
  expect(kit.asked).toEqual([]);
  kit.backlog = 0;
  rounds.askIfRoom();
  expect(kit.asked).toHaveLength(1);
});

test("of a deep queue two large pieces are under way, and a small urgent one beside them", async () => {
  const kit = started(10);
  await untilDeep(kit);
  const before = kit.asked.length;
  rounds.askIfRoom();
  const [large] = kit.asked.slice(before);
  expect(large?.limit).toBeGreaterThan(20);
  // Half of it has been worked off.
  kit.held = -Math.ceil((large?.limit ?? 0) / 2);
  rounds.askIfRoom();
  rounds.askIfRoom();
  expect(kit.asked.slice(before)).toHaveLength(2);
  rounds.askUrgent();
  await vi.waitFor(() => expect(kit.asked.at(-1)).toMatchObject({ limit: 10, urgent: true }));
});

test("what was under way when it was dropped or stopped is void", async () => {
  const kit = started(10);
  rounds.hint();
  rounds.askIfRoom();
  rounds.drop();
  await kit.asked[0]?.answer(10, true);
  rounds.askIfRoom();
  rounds.stop();
  await kit.asked[1]?.answer(1);
  expect(kit.taken).toEqual([
    { count: 10, isVoid: true },
    { count: 1, isVoid: true },
  ]);
  rounds.hint();
  rounds.askIfRoom();
  expect(kit.asked).toHaveLength(2);
  expect(rounds.inFlight).toBe(0);
});

test("after a failure it asks again, but not at once", async () => {
  const kit = started(10);
  rounds.hint();
  rounds.askIfRoom();
  await kit.asked[0]?.fail();
  expect(kit.errors).toHaveLength(1);
  rounds.askIfRoom();
  expect(kit.asked).toHaveLength(1);
  await vi.waitFor(() => expect(kit.wakes).toBe(1));
  rounds.askIfRoom();
  expect(kit.asked).toHaveLength(2);
});

test("knows whether something was settled since it last asked", async () => {
  const kit = started(10);
  rounds.settled();
  expect(rounds.settledSince).toBe(true);
  rounds.hint();
  rounds.askIfRoom();
  expect(rounds.settledSince).toBe(false);
  await kit.asked[0]?.answer(0);
});
