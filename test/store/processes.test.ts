import { afterEach, beforeEach, expect, test } from "vitest";
import {
  addProcess,
  buryProcess,
  listBeats,
  noteRunning,
  removeOldTombstones,
  removeProcess,
} from "../../src/store/processes.ts";
import { type QueueKit, queueKit } from "../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const add = (id: string) =>
  addProcess(q.db, q.schemas, { id, host: "here", pid: 17, pidSpace: null, version: "1.0.0" });

async function beatOf(id: string) {
  const beat = (await listBeats(q.db, q.schemas)).find((each) => each.id === id);
  if (beat === undefined) throw new Error(`${id} is not there`);
  return beat;
}

test("a process that registers is listed before its first beat; registering twice is fine", async () => {
  await add("a");
  await add("a");
  expect(await listBeats(q.db, q.schemas)).toMatchObject([
    { id: "a", host: "here", pid: 17, seq: "0", dead: false },
  ]);
});

test("one that signs off is gone; one that was declared dead stays as a tombstone", async () => {
  await add("a");
  await add("b");
  await buryProcess(q.db, q.schemas, await beatOf("b"), "silent");
  await removeProcess(q.db, q.schemas, "a");
  await removeProcess(q.db, q.schemas, "b");
  expect(await listBeats(q.db, q.schemas)).toMatchObject([{ id: "b", dead: true }]);
});

test("a process that has beaten since it was looked at is not buried", async () => {
  await add("a");
  const beat = await beatOf("a");
  await q.db.query("update taskrun.processes set beat_seq = beat_seq + 1");
  expect(await buryProcess(q.db, q.schemas, beat, "silent")).toBeUndefined();
  expect(await beatOf("a")).toMatchObject({ dead: false });
});

test("all processes are told when the jobs of a dead one are due", async () => {
  const heard: string[] = [];
  const listener = await q.db.connect();
  listener.on("notification", ({ payload }) => heard.push(payload ?? ""));
  await listener.query(`listen "${q.schemas.controlChannel}"`);
  await add("a");
  const running = await q.add();
  await q.add();
  await q.take("a", 2);
  await noteRunning(q.db, q.schemas, "a", running);
  await buryProcess(q.db, q.schemas, await beatOf("a"), "silent");
  await listener.query("select 1");
  listener.release(true);
  expect(heard.map((each) => JSON.parse(each))).toEqual([{ kind: "due", inMs: [0, 250] }]);
});

test("of several that bury the same process at once, one does", async () => {
  await add("a");
  await q.add();
  await q.take("a");
  const beat = await beatOf("a");
  const results = await Promise.all(
    [1, 2, 3, 4].map(() => buryProcess(q.db, q.schemas, beat, "silent")),
  );
  const rescued = results.reduce((sum, each) => sum + (each?.returned ?? 0), 0);
  expect(rescued).toBe(1);
});

test("a tombstone keeps its first reason, and frees what a zombie locked after its death", async () => {
  await add("a");
  await buryProcess(q.db, q.schemas, await beatOf("a"), "first");
  const id = await q.add();
  await q.take("a");
  await noteRunning(q.db, q.schemas, "a", id);
  expect(await buryProcess(q.db, q.schemas, await beatOf("a"), "second")).toMatchObject({
    returned: 0,
    retried: 1,
    failed: 0,
  });
  expect(await q.row(id)).toMatchObject({ locked_by: null, last_error: "second" });
  const { rows } = await q.db.query("select dead_reason from taskrun.processes");
  expect(rows).toEqual([{ dead_reason: "first" }]);
});

test("when the rescue fails, the process is not declared dead either", async () => {
  await add("a");
  await q.add();
  await q.take("a");
  const beat = await beatOf("a");
  await q.db.query("alter table taskrun.attempts rename to attempts_away");
  await expect(buryProcess(q.db, q.schemas, beat, "silent")).rejects.toMatchObject({
    code: "42P01",
  });
  expect(await beatOf("a")).toMatchObject({ dead: false });
});

test("tombstones go after a day, unless they hold a lock", async () => {
  for (const id of ["fresh", "old", "holding"]) {
    await add(id);
    await buryProcess(q.db, q.schemas, await beatOf(id), "silent");
  }
  await add("alive");
  await q.add();
  await q.take("holding");
  await q.db.query(
    "update taskrun.processes set dead_at = now() - interval '25 hours' where id in ('old', 'holding')",
  );
  await removeOldTombstones(q.db, q.schemas);
  const ids = (await listBeats(q.db, q.schemas)).map((beat) => beat.id);
  expect(ids.toSorted()).toEqual(["alive", "fresh", "holding"]);
});
