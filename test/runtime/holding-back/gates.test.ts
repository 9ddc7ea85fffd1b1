import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createEvents, type RuntimeEvents } from "../../../src/core/events.ts";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import type { Task } from "../../../src/core/task.ts";
import { Gates } from "../../../src/runtime/holding-back/gates.ts";
import { TaskRegistry } from "../../../src/runtime/task-registry.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
let gates: Gates;
let events: RuntimeEvents;
let registry: TaskRegistry;
let lines: Record<string, unknown>[];
let onChange: () => void;

const task: Task = resolveTask(
  { breaker: { failures: 2 }, aliases: ["old:t"], handler: async () => null },
  { name: "t", file: "/t.ts", version: 1, layers: [] },
);

beforeEach(async () => {
  q = await queueKit();
  lines = [];
  onChange = () => {};
  events = createEvents(() => undefined);
  registry = new TaskRegistry();
  registry.publish({ tasks: new Map([["t", task]]), failures: [] });
  gates = new Gates({
    db: q.db,
    schemas: q.schemas,
    events,
    registry,
    logger: pino({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) }),
    onChange: () => onChange(),
  });
});
afterEach(async () => {
  vi.useRealTimers();
  await gates.stop();
  await q.stop();
});

/** What is done to the database, and the next snapshot that says something else. */
async function snapshotAfter(statement: string): Promise<Gates["snapshot"]> {
  const changed = new Promise<void>((resolve) => {
    onChange = resolve;
  });
  await q.db.query(statement);
  gates.changed();
  await changed;
  return gates.snapshot;
}

test("what is paused when a process starts is known before it fetches", async () => {
  await q.db.query("select taskrun.pause('task', 't')");
  await gates.start();
  expect(gates.snapshot.passage(task)).toBe("held");
});

test("the snapshot stays the same object as long as it would say the same", async () => {
  await gates.start();
  const before = gates.snapshot;
  let changes = 0;
  onChange = () => {
    changes += 1;
  };
  await q.db.query("insert into taskrun.breakers (task) values ('t')");
  await gates.start();
  expect(gates.snapshot).toBe(before);
  expect(changes).toBe(0);
  expect((await snapshotAfter("select taskrun.pause('queue', 'line')")).pausedQueues).toEqual([
    "line",
  ]);
  expect(gates.snapshot).not.toBe(before);
});

describe("of the jobs that wait here, held are", () => {
  const held = (job: Record<string, unknown>) =>
    // why: of a job only these two are looked at
    gates.heldBack?.({ id: "1", task: "t", queue: null, ...job } as never) ?? null;

  test("none while nothing is", async () => {
    await gates.start();
    expect(gates.heldBack).toBeNull();
  });

  test("those of a paused queue, of a paused task, of an open breaker", async () => {
    await gates.start();
    await snapshotAfter("select taskrun.pause('queue', 'line')");
    expect([held({}), held({ queue: "line" }), held({ queue: "other" })]).toEqual([
      false,
      true,
      false,
    ]);
    await snapshotAfter("select taskrun.pause('task', 't')");
    expect([held({}), held({ task: "old:t" }), held({ task: "other" })]).toEqual([
      true,
      true,
      false,
    ]);
    await snapshotAfter("select taskrun.resume('task', 't')");
    await snapshotAfter("select taskrun.count_attempts('t', 2, 0, null, 2, 60000, 'no')");
    expect(held({})).toBe(true);
  });
});

/** From here on time goes by when the test says so, and stands still while the database answers. */
function stopTime(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
}

/** A change that nobody has told of. */
async function changeAfter(ms: number): Promise<void> {
  const changed = new Promise<void>((resolve) => {
    onChange = resolve;
  });
  vi.advanceTimersByTime(ms);
  await changed;
}

test("a task that gets a breaker by a reload is held by what is known of it", async () => {
  stopTime();
  await q.db.query("select taskrun.count_attempts('late', 2, 0, null, 2, 60000, 'no')");
  await gates.start();
  const late = resolveTask(
    { breaker: {}, handler: async () => null },
    { name: "late", file: "/late.ts", version: 1, layers: [] },
  );
  registry.publish({ tasks: new Map([["late", late]]), failures: [] });
  gates.tasksChanged();
  expect(gates.snapshot.passage(late)).toBe("held");
  await changeAfter(61_000);
  expect(gates.snapshot.passage(late)).toBe("one");
});

describe("a breaker", () => {
  const open = (openForMs: number) =>
    `select taskrun.count_attempts('t', 2, 0, null, 2, ${openForMs}, 'no answer')`;

  test("that has been open long enough lets one through without a word from anybody", async () => {
    stopTime();
    await gates.start();
    const opened = await snapshotAfter(open(60_000));
    expect(opened.passage(task)).toBe("held");
    await changeAfter(61_000);
    expect(gates.snapshot.passage(task)).toBe("one");
  });

  test("tells of its states in events and in the log", async () => {
    const heard: unknown[] = [];
    events.on("breaker:opened", (event) => void heard.push(["opened", event]));
    events.on("breaker:half-open", (event) => void heard.push(["half-open", event]));
    events.on("breaker:closed", (event) => void heard.push(["closed", event]));
    await gates.start();
    await snapshotAfter(open(60_000));
    const half = "state = 'half_open', canary_process = 'p', canary_until = now() + interval '1h'";
    await snapshotAfter(`update taskrun.breakers set ${half}`);
    await snapshotAfter("select taskrun.end_canary('t', 'p', 'failure', 3, 50000, 'again')");
    await snapshotAfter("select taskrun.resume('task', 't')");
    const until = expect.any(Date);
    expect(heard).toEqual([
      ["opened", { task: "t", until, error: "no answer" }],
      ["half-open", { task: "t" }],
      ["opened", { task: "t", until, error: "again" }],
      ["closed", { task: "t" }],
    ]);
    expect(lines.map(({ msg }) => msg)).toEqual([
      expect.stringContaining("opened"),
      expect.stringContaining("one job through"),
      expect.stringContaining("opened"),
      expect.stringContaining("closed"),
    ]);
  });
});

test("a pause and its end are told with who and why", async () => {
  const heard: unknown[] = [];
  events.on("pauses:changed", ({ pauses }) => void heard.push(pauses));
  await gates.start();
  await snapshotAfter("select taskrun.pause('all', '', 'ops', 'move')");
  await snapshotAfter("select taskrun.resume('all')");
  expect(heard).toEqual([[{ kind: "all", name: "", by: "ops", reason: "move" }], []]);
  expect(lines).toMatchObject([{ kind: "all", by: "ops", reason: "move" }, { kind: "all" }]);
});
