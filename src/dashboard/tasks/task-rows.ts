/** The tasks with what stands about them in three answers: catalog, gates, statistics. Pure. */

import type {
  AllStatsRecord,
  BreakerRecord,
  CatalogRecord,
  GatesRecord,
  PauseRecord,
  StatsRecord,
} from "../api/records.ts";

export interface TaskRow {
  readonly name: string;
  readonly entry: CatalogRecord;
  readonly aliases: readonly string[];
  /** How many live processes have it. */
  readonly processes: number;
  /** Null when nothing has been counted. */
  readonly stats: StatsRecord | null;
  readonly breaker: BreakerRecord | null;
  readonly pause: PauseRecord | null;
}

/** By name; what is held back, runs nowhere or fails comes first. */
export function taskRows(
  catalog: readonly CatalogRecord[],
  gates: GatesRecord | null,
  stats: AllStatsRecord | null,
): TaskRow[] {
  const rows = catalog
    .filter((entry) => entry.alias_of === null)
    .map((entry): TaskRow => {
      const name = entry.task_type;
      return {
        name,
        entry,
        aliases: catalog.filter((one) => one.alias_of === name).map((one) => one.task_type),
        processes: countOf(entry.processes),
        stats: stats?.task_types.find((one) => one.task_type === name) ?? null,
        breaker: gates?.breakers.find((one) => one.task === name) ?? null,
        pause: gates?.pauses.find((one) => one.kind === "task" && one.name === name) ?? null,
      };
    });
  return rows.sort((a, b) => urgency(b) - urgency(a) || (a.name < b.name ? -1 : 1));
}

export function countOf(processes: number | readonly string[] | null): number {
  if (processes === null) return 0;
  return typeof processes === "number" ? processes : processes.length;
}

function urgency({ breaker, pause, processes, stats }: TaskRow): number {
  const waits = (stats?.pending ?? 0) + (stats?.retrying ?? 0) > 0;
  if (processes === 0 && waits) return 3;
  if (breaker !== null || pause !== null) return 2;
  return (stats?.failed ?? 0) > 0 ? 1 : 0;
}
