/** The tasks as rows, kept up to date. */

import type { AllStatsRecord, CatalogRecord, GatesRecord } from "../api/records.ts";
import { useApp } from "../app-context.ts";
import { type Resource, useResource } from "../live/use-resource.ts";
import { type TaskRow, taskRows } from "./task-rows.ts";

const hourMs = 3_600_000;

export function useTasks(): Resource<readonly TaskRow[]> {
  const { api } = useApp();
  return useResource(
    "tasks",
    async () => {
      const [catalog, gates, stats] = await Promise.all([
        api.get<CatalogRecord[]>("catalog"),
        api.get<GatesRecord>("pauses"),
        api.get<AllStatsRecord>("tasks/stats", {
          since: new Date(Date.now() - hourMs).toISOString(),
        }),
      ]);
      return taskRows(catalog, gates, stats);
    },
    { on: ({ kind }) => kind !== "progress", spacingMs: 3_000, everyMs: 5_000 },
  );
}
