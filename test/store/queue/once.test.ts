import { afterEach, beforeEach, expect, test } from "vitest";
import { claimOnce, dropOnce, findOnce, finishOnce } from "../../../src/store/queue/once.ts";
import type { QueueJob } from "../../../src/store/queue/queue-job.ts";
import type { Hold } from "../../../src/store/queue/steps.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let kit: QueueKit;
let one: Hold;
let two: Hold;

const holdOf = ({ id, attempt, lockedBy, key }: QueueJob): Hold => {
  return { id, attempt, lockedBy, keyed: key !== null };
};

beforeEach(async () => {
  kit = await queueKit();
  await kit.add();
  one = holdOf((await kit.take("p1"))[0] as QueueJob); // why: one job was added
  await kit.add();
  two = holdOf((await kit.take("p2"))[0] as QueueJob); // why: one job was added
});
afterEach(() => kit.stop());

const claim = (hold: Hold, name: string) => claimOnce(kit.db, kit.schemas, hold, "key", name);
const finish = (name: string, retainMs: number | null = 60_000) =>
  finishOnce(kit.db, kit.schemas, "key", name, { resultJson: `"${name}"`, retainMs });

test("a key is one job's until it is finished, then its result is everybody's", async () => {
  expect(await claim(one, "a")).toEqual({ state: "claimed" });
  // Sent again after a lost reply.
  expect(await claim(one, "a")).toEqual({ state: "claimed" });
  expect(await claim(two, "b")).toEqual({ state: "busy", jobId: one.id });
  expect(await findOnce(kit.db, kit.schemas, "key")).toBeUndefined();
  expect(await finish("a")).toBe(true);
  expect(await claim(two, "b")).toEqual({ state: "finished", resultJson: '"a"' });
  expect(await findOnce(kit.db, kit.schemas, "key")).toEqual({ resultJson: '"a"' });
});

test("of many that ask at once one gets the key", async () => {
  const claims = await Promise.all(
    Array.from({ length: 20 }, (_, n) => claim(n % 2 === 0 ? one : { ...two }, `claim ${n}`)),
  );
  const { rows } = await kit.db.query("select claim from taskrun.once_results");
  expect(rows).toHaveLength(1);
  const busy = claims.filter(({ state }) => state === "busy");
  expect(busy.length).toBeGreaterThanOrEqual(10);
});

test("a key whose job is gone, or runs another attempt, is taken over; the old claim is void", async () => {
  await claim(one, "a");
  await kit.db.query(
    "update graphile_worker._private_jobs set locked_by = null, locked_at = null where id = $1",
    [one.id],
  );
  expect(await claim(two, "b")).toEqual({ state: "claimed" });
  expect(await finish("a")).toBe(false);
  await dropOnce(kit.db, kit.schemas, "key", "a");
  expect(await finish("b")).toBe(true);
});

test("a job may take over what an earlier attempt of it left", async () => {
  await claim(one, "a");
  expect(await claim({ ...one, attempt: 2 }, "b")).toEqual({ state: "claimed" });
});

test("a key that is dropped is free again", async () => {
  await claim(one, "a");
  await dropOnce(kit.db, kit.schemas, "key", "a");
  expect(await claim(two, "b")).toEqual({ state: "claimed" });
});

test("a result out of date is no result; one that is kept for ever is", async () => {
  await claim(one, "a");
  await finish("a", 0);
  expect(await findOnce(kit.db, kit.schemas, "key")).toBeUndefined();
  expect(await claim(two, "b")).toEqual({ state: "claimed" });
  await finish("b", null);
  expect(await claim(one, "c")).toEqual({ state: "finished", resultJson: '"b"' });
});
