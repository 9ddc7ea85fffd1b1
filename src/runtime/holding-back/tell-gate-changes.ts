/** What has changed between two looks at pauses and breakers, as lines of the log and events. */

import type { Pause, RuntimeEvents } from "../../core/events.ts";
import type { Logger } from "../../core/logger.ts";
import type { BreakerRow, GateRows } from "../../store/gates.ts";
import type { TaskRegistry } from "../task-registry.ts";

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

function tellPauses(before: Rows, now: Rows, { logger, events }: Told): void {
  const known = new Set(before.pauses.map(keyOf));
  const still = new Set(now.pauses.map(keyOf));
  const begun = now.pauses.filter((row) => !known.has(keyOf(row)));
  const ended = before.pauses.filter((row) => !still.has(keyOf(row)));
  for (const row of begun) logger.info(asPause(row), "paused: its jobs are not fetched");
  for (const { kind, name } of ended) logger.info({ kind, name }, "resumed: its jobs are fetched");
  if (begun.length + ended.length > 0) {
    events.emit("pauses:changed", { pauses: now.pauses.map(asPause) });
  }
}

type Row = Rows["pauses"][number];

function keyOf({ kind, name }: Row): string {
  return JSON.stringify([kind, name]);
}

function asPause({ kind, name, paused_by: by, reason }: Row): Pause {
  return { kind, name, by, reason };
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
