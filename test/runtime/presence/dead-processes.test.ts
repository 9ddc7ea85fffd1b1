import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createEvents } from "../../../src/core/events.ts";
import { DeadProcesses } from "../../../src/runtime/presence/dead-processes.ts";
import type { Beat } from "../../../src/store/processes.ts";
import { listBeats } from "../../../src/store/processes.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
let buried: string[];

beforeEach(async () => {
  q = await queueKit();
  buried = [];
});
afterEach(() => q.stop());

function watch(heartbeatIntervalMs = 60_000): DeadProcesses {
  const events = createEvents(() => {});
  events.on("process:buried", ({ processId }) => buried.push(processId));
  return new DeadProcesses({
    ...q,
    heartbeatIntervalMs,
    pidSpace: null,
    processId: () => "own",
    events,
    logger: pino({ level: "silent" }),
    onRescued: () => {},
  });
}

async function addSilent(id: string): Promise<readonly Beat[]> {
  await q.db.query(
    `insert into taskrun.processes (id, host, pid, version, beat_seq)
     values ($1, 'elsewhere', 1, '0', 7)`,
    [id],
  );
  return listBeats(q.db, q.schemas);
}

test("who stands still for six looks in a row is buried, and this process never is", async () => {
  await addSilent("own");
  const beats = await addSilent("silent");
  const dead = watch();
  // The first one only learns where it stands.
  for (let look = 0; look < 6; look += 1) dead.looked(beats);
  await dead.stop();
  expect(buried).toEqual([]);
  dead.looked(beats);
  await dead.stop();
  expect(buried).toEqual(["silent"]);
});

test("a beat starts the count anew, and so does a look that failed", async () => {
  const beats = await addSilent("slow");
  const dead = watch();
  for (let look = 0; look < 6; look += 1) dead.looked(beats);
  dead.looked(beats.map((beat) => ({ ...beat, seq: "8" })));
  for (let look = 0; look < 5; look += 1) dead.looked(beats.map((beat) => ({ ...beat, seq: "8" })));
  dead.missed();
  for (let look = 0; look < 6; look += 1) dead.looked(beats);
  await dead.stop();
  expect(buried).toEqual([]);
});

test("looks that are too far apart say nothing", async () => {
  const beats = await addSilent("silent");
  const dead = watch(1);
  for (let look = 0; look < 20; look += 1) {
    dead.looked(beats);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await dead.stop();
  expect(buried).toEqual([]);
});

test("tombstones are asked about together, and buried again only if they hold locks", async () => {
  for (const id of ["a", "b", "woken"]) await addSilent(id);
  await q.db.query("update taskrun.processes set dead_at = now()");
  await q.add();
  await q.take("woken");
  const beats = await listBeats(q.db, q.schemas);
  let transactions = 0;
  const count = () => {
    transactions += 1;
  };
  q.db.on("acquire", count);
  const dead = watch();
  for (let look = 0; look < 5; look += 1) {
    dead.looked(beats);
    await dead.stop();
  }
  expect(buried).toEqual(["woken"]);
  // One question for all, and one funeral.
  expect(transactions).toBe(2);
});

test("who has beaten since it was seen is left alone", async () => {
  const beats = await addSilent("late");
  await q.db.query("update taskrun.processes set beat_seq = beat_seq + 1");
  const dead = watch();
  for (let look = 0; look < 8; look += 1) dead.looked(beats);
  await dead.stop();
  expect(buried).toEqual([]);
});
