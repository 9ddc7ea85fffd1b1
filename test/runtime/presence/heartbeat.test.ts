import { once } from "node:events";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createEvents } from "../../../src/core/events.ts";
import { StuckHandlers } from "../../../src/runtime/attempt/stuck-handlers.ts";
import { Heartbeat } from "../../../src/runtime/presence/heartbeat.ts";
import { LoopPulse } from "../../../src/runtime/presence/loop-pulse.ts";
import { RunningSlots } from "../../../src/runtime/presence/running-slots.ts";
import { addProcess } from "../../../src/store/processes.ts";
import { pause } from "../../../src/store/transient.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";
import { addBySql, signal, testRuntime } from "../../support/test-runtime.ts";

let q: QueueKit;
let heartbeat: Heartbeat;
let dead: string[];
let processId: string;
let pulse: LoopPulse;
const slots = new RunningSlots(4);

beforeEach(async () => {
  q = await queueKit();
  dead = [];
  processId = "p";
  await addProcess(q.db, q.schemas, { id: "p", host: "h", pid: 1, pidSpace: null, version: "0" });
  const logger = pino({ level: "silent" });
  pulse = new LoopPulse();
  pulse.start();
  heartbeat = new Heartbeat({
    data: {
      connectionString: q.kit.connectionString,
      processesTable: "taskrun.processes",
      intervalMs: 20,
      running: slots.buffer,
      pulse: pulse.buffer,
      stuck: new StuckHandlers({ logger, events: createEvents(() => {}) }).buffer,
      jobsView: "taskrun.jobs",
      maxBlockMs: 600_000,
      log: null,
    },
    processId: () => processId,
    logger,
    onDead: (id) => void dead.push(id),
    onBlocked: () => {},
  });
});
afterEach(async () => {
  await heartbeat.stop();
  pulse.stop();
  await q.stop();
});

async function seq(id = "p"): Promise<number> {
  const { rows } = await q.db.query(
    "select beat_seq::int as seq from taskrun.processes where id = $1",
    [id],
  );
  return rows[0]?.seq ?? 0;
}

async function untilSeq(least: number, id = "p"): Promise<void> {
  while ((await seq(id)) < least) await pause(5);
}

const connections = async () => {
  const { rows } = await q.db.query(
    `select count(*)::int as n from pg_stat_activity
     where application_name = 'taskrun heartbeat' and datname = current_database()`,
  );
  return rows[0].n;
};

test("it beats from its start on, and says so once it does", async () => {
  expect(heartbeat.isOn).toBe(false);
  heartbeat.start();
  expect(heartbeat).toMatchObject({ isOn: true, beats: false });
  await untilSeq(2);
  while (!heartbeat.beats) await pause(5);
});

test("it rests until it is started again, and leaves no connection behind meanwhile", async () => {
  heartbeat.start();
  await untilSeq(1);
  heartbeat.rest();
  expect(heartbeat).toMatchObject({ isOn: false, beats: false });
  while ((await connections()) > 0) await pause(5);
  const before = await seq();
  heartbeat.start();
  await untilSeq(before + 1);
});

test("it beats under another id when it is told to, and tells of one that is dead", async () => {
  heartbeat.start();
  await untilSeq(1);
  await addProcess(q.db, q.schemas, { id: "p2", host: "h", pid: 1, pidSpace: null, version: "0" });
  processId = "p2";
  heartbeat.renamed();
  await untilSeq(2, "p2");
  await q.db.query("update taskrun.processes set dead_at = now() where id = 'p2'");
  while (dead.length === 0) await pause(5);
  expect(new Set(dead)).toEqual(new Set(["p2"]));
});

test("a process without work has none; its beats are those of its look", async () => {
  const ran = signal();
  const kit = await testRuntime({ task: async () => ran.resolve() });
  const ask = async () => {
    const { rows } = await kit.db.query(
      `select beat_seq::int as seq, (select count(*)::int from pg_stat_activity
         where application_name = 'taskrun heartbeat' and datname = current_database()) as threads
       from taskrun.processes`,
    );
    return rows[0];
  };
  const runtime = kit.createRuntime({ heartbeatIntervalMs: 20 });
  await runtime.start();
  while ((await ask()).seq < 5) await pause(5);
  expect(await ask()).toMatchObject({ threads: 0 });
  const finished = once(runtime.events, "attempt:finished");
  await addBySql(kit, "task");
  await Promise.all([ran.promise, finished]);
  while ((await ask()).threads === 0) await pause(5);
  const { seq: before } = await ask();
  while ((await ask()).seq < before + 3) await pause(5);
  await runtime.stop();
  await kit.stop();
});
