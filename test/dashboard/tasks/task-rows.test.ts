import { expect, test } from "vitest";
import { countOf, taskRows } from "../../../src/dashboard/tasks/task-rows.ts";

const entry = (task_type: string, more: object = {}) => ({
  task_type,
  alias_of: null,
  description: null,
  payload_schema: null,
  published_at: "2030-01-31T08:00:00Z",
  processes: 1,
  ...more,
});

const none = { completed_per_minute: 0, failed_per_minute: 0, total: 0 };
const latency = { p50: null, p95: null };
const counts = { pending: 0, scheduled: 0, blocked: 0, running: 0, retrying: 0, completed: 0 };
const stats = (...types: { task_type: string; pending?: number; failed?: number }[]) => ({
  ...none,
  ...counts,
  failed: 0,
  cancelled: 0,
  wait_ms: latency,
  run_ms: latency,
  since: "",
  until: "",
  task_types: types.map((one) => ({
    ...none,
    ...counts,
    failed: 0,
    cancelled: 0,
    wait_ms: latency,
    run_ms: latency,
    ...one,
  })),
});

test("what nobody can run comes first, then what is held back, then what fails", () => {
  const catalog = [
    entry("a"),
    entry("fails"),
    entry("held"),
    entry("homeless", { processes: 0 }),
    entry("unused", { processes: 0 }),
  ];
  const pause = {
    kind: "task",
    name: "held",
    paused_by: null,
    reason: null,
    paused_at: "",
  } as const;
  const rows = taskRows(
    catalog,
    { pauses: [pause], breakers: [] },
    stats({ task_type: "fails", failed: 1 }, { task_type: "homeless", pending: 1 }),
  );
  expect(rows.map(({ name }) => name)).toEqual(["homeless", "held", "fails", "a", "unused"]);
  expect(rows[1]?.pause?.name).toBe("held");
});

test("aliases belong to their task; a paused queue of the same name doesn't", () => {
  const pause = { kind: "queue", name: "a", paused_by: null, reason: null, paused_at: "" } as const;
  const [row, ...others] = taskRows(
    [entry("a"), entry("b", { alias_of: "a" })],
    { pauses: [pause], breakers: [] },
    null,
  );
  expect(row).toMatchObject({ name: "a", aliases: ["b"], pause: null, stats: null });
  expect(others).toEqual([]);
});

test("processes are told as a number or by their ids", () => {
  expect([countOf(2), countOf(["a", "b", "c"]), countOf(null)]).toEqual([2, 3, 0]);
});
