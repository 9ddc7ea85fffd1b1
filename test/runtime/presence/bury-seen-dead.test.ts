import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { burySeenDead } from "../../../src/runtime/presence/bury-seen-dead.ts";
import { addProcess, listBeats, noteRunning } from "../../../src/store/processes.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";
import { signal } from "../../support/test-runtime.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
  await register("dead");
});
afterEach(async () => {
  vi.useRealTimers();
  await q.stop();
});

function register(id: string): Promise<void> {
  return addProcess(q.db, q.schemas, { id, host: "h", pid: 1, pidSpace: null, version: "1.0.0" });
}

const bury = (processId: string, onGivenAway = () => {}) =>
  burySeenDead({
    processId,
    connectionString: q.kit.connectionString,
    schema: "graphile_worker",
    reason: "process died (seen)",
    onGivenAway,
  });

test("what the process ran and held is given away, and nobody else's", async () => {
  const running = await q.add();
  const waiting = await q.add();
  await q.take("dead");
  await noteRunning(q.db, q.schemas, "dead", running);
  const kept = await q.add();
  await q.take("alive");
  expect(await bury("dead")).toMatchObject({ returned: 1, retried: 1, failed: 0 });
  expect(await q.row(running)).toMatchObject({
    locked_by: null,
    last_error: "process died (seen)",
  });
  expect(await q.row(waiting)).toMatchObject({ locked_by: null, attempts: 0 });
  expect(await q.row(kept)).toMatchObject({ locked_by: "alive" });
  expect(await listBeats(q.db, q.schemas)).toMatchObject([{ id: "dead", dead: true }]);
});

test("what its last fetch locks after its death is given away too", async () => {
  const late = await q.add();
  const given = signal();
  // The time until the second look begins now: it is over when the fetch has come.
  const buried = bury("dead", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    given.resolve();
  });
  await given.promise;
  await q.take("dead");
  vi.advanceTimersByTime(500);
  vi.useRealTimers();
  expect(await buried).toMatchObject({ returned: 1 });
  expect(await q.row(late)).toMatchObject({ locked_by: null, attempts: 0 });
});

test("one that has signed off left nothing behind", async () => {
  expect(await bury("gone")).toMatchObject({ returned: 0, retried: 0, failed: 0 });
});

test("a database that doesn't answer is told of", async () => {
  const dead = { processId: "dead", schema: "graphile_worker", reason: "seen" };
  const connectionString = "postgres://nobody@127.0.0.1:1/none";
  await expect(burySeenDead({ ...dead, connectionString })).rejects.toThrow(/ECONNREFUSED/);
});
