/** What has changed between two looks at pauses and breakers, as lines of the log and events. */

import type { RuntimeEvents } from "../core/events.ts";
import type { Logger } from "../core/logger.ts";
import type { BreakerRow, GateRows } from "../store/gates.ts";
import type { TaskRegistry } from "./task-registry.ts";

type Rows = Pick<GateRows, "pauses" | "breakers">;

interface Told {
  readonly registry: TaskRegistry;
  readonly logger: Logger;
  readonly events: RuntimeEvents;
}

/** Breakers of tasks that this process has, with a breaker; and every pause. */
export function tellGateChanges(before: Rows, now: Rows, told: Told): void {
  tellPauses(before, now, told);
  const known = new Map(before.breakers.map((row) => [row.task, row]));
  const rows = new Map(now.breakers.map((row) => [row.task, row]));
  for (const task of told.registry.catalog.tasks.values()) {
    if (task.policies.breaker === null) continue;
    tellBreaker(task.name, known.get(task.name), rows.get(task.name), told);
  }
}

function tellPauses(before: Rows, now: Rows, { logger }: Told): void {
  const keyOf = ({ kind, name }: Rows["pauses"][number]) => JSON.stringify([kind, name]);
  const known = new Set(before.pauses.map(keyOf));
  const still = new Set(now.pauses.map(keyOf));
  for (const pause of now.pauses) {
    if (known.has(keyOf(pause))) continue;
    const { kind, name, paused_by: pausedBy, reason } = pause;
    logger.info({ kind, name, pausedBy, reason }, "paused: its jobs are not fetched");
  }
  for (const pause of before.pauses) {
    if (still.has(keyOf(pause))) continue;
    logger.info({ kind: pause.kind, name: pause.name }, "resumed: its jobs are fetched again");
  }
}

function tellBreaker(
  task: string,
  before: BreakerRow | undefined,
  now: BreakerRow | undefined,
  { logger, events }: Told,
): void {
  const state = now?.state ?? "closed";
  const changed = state !== (before?.state ?? "closed");
  if (state === "open" && (changed || now?.openedAtMs !== before?.openedAtMs)) {
    const until = new Date(now?.openUntilMs ?? 0);
    const error = now?.lastError ?? null;
    logger.warn({ task, until, error }, "the task's breaker opened: its jobs are not fetched");
    events.emit("breaker:opened", { task, until, error });
  } else if (state === "half_open" && changed) {
    logger.info({ task }, "the task's breaker lets one job through at a time");
    events.emit("breaker:half-open", { task });
  } else if (state === "closed" && changed) {
    logger.info({ task }, "the task's breaker closed: its jobs are fetched again");
    events.emit("breaker:closed", { task });
  }
}
