/** The calls that create tasks and look at them. */

import { z } from "zod";
import { explainJob } from "../../store/explain.ts";
import type { JobFilter } from "../../store/job-filter.ts";
import { readJobStory } from "../../store/job-story.ts";
import { listJobs } from "../../store/jobs.ts";
import { readStats, type TaskStats } from "../../store/task-stats.ts";
import { createTask, newTask } from "../create-task.ts";
import { HttpError } from "../http-error.ts";
import { type HttpRoute, httpRoute, jobId } from "../http-route.ts";
import { createdTask, taskDetails, taskStatuses, taskView } from "../task-view.ts";

const shownLogLines = 100;
const dayMs = 86_400_000;

export const moment = z.iso
  .datetime({ offset: true, error: 'expected a moment like "2030-01-31T08:00:00Z"' })
  .transform((text) => new Date(text));

const limit = z.coerce
  .number({ error: "expected a whole number from 1 to 500" })
  .int({ error: "expected a whole number from 1 to 500" })
  .min(1, { error: "expected a whole number from 1 to 500" })
  .max(500, { error: "expected a whole number from 1 to 500" });

/** What chooses tasks, in lists and in bulk operations. */
export const taskFilter = {
  status: z.enum(taskStatuses, { error: `expected one of ${taskStatuses.join(", ")}` }).optional(),
  task_type: z.string().min(1).optional(),
  queue: z.string().min(1).optional(),
  correlation_id: z.string().min(1).optional(),
  since: moment.optional(),
  until: moment.optional(),
};

const filterShape = z.object(taskFilter);

/** What was given and nothing else. */
export function jobFilterFrom(given: z.output<typeof filterShape>): JobFilter {
  const filter = {
    state: given.status,
    task: given.task_type,
    queue: given.queue,
    correlationId: given.correlation_id,
    since: given.since,
    until: given.until,
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

export function notFound(id: string): HttpError {
  return new HttpError(404, "job-not-found", `There is no task with the id ${id}.`, {
    nextStep: "Ask while its history is kept.",
  });
}

export const taskRoutes: readonly HttpRoute[] = [
  httpRoute({
    method: "POST",
    path: "/tasks",
    scope: "enqueue",
    body: newTask,
    async answer({ body, caller }, api) {
      const data = createdTask(await createTask(api, body, caller.name));
      return { status: 201, data, headers: { location: `/tasks/${data.id}` } };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/tasks",
    scope: "read",
    query: z.strictObject({ ...taskFilter, limit: limit.default(50), cursor: jobId.optional() }),
    async answer({ query }, { db, schemas }) {
      const { cursor, limit: most } = query;
      const before = cursor === undefined ? {} : { before: cursor };
      // One more than asked for says whether there is another page.
      const filter = { ...jobFilterFrom(query), ...before, limit: most + 1 };
      const rows = await listJobs(db, schemas, filter);
      const shown = rows.slice(0, most).map(taskView);
      const next_cursor = rows.length > most ? (shown.at(-1)?.id ?? null) : null;
      return { data: shown, more: { next_cursor } };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/tasks/stats",
    scope: "read",
    query: z.strictObject({ task_type: taskFilter.task_type, since: moment.optional() }),
    async answer({ query }, { db, schemas }) {
      const since = query.since ?? new Date(Date.now() - dayMs);
      const stats = await readStats(db, schemas, { since, task: query.task_type ?? null });
      const { until, all, tasks } = stats;
      const byType = tasks.map((one) => ({ task_type: one.task, ...statsView(one) }));
      return { data: { since, until, ...statsView(all), task_types: byType } };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/tasks/:id",
    scope: "read",
    async answer({ id }, { db, schemas }) {
      const story = await readJobStory(db, schemas, id, { logLines: shownLogLines });
      if (story === null) throw notFound(id);
      return { data: taskDetails(story) };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/tasks/:id/explain",
    scope: "read",
    async answer({ id }, { db, schemas }) {
      const explanation = await explainJob(db, schemas, id);
      if (explanation === null) throw notFound(id);
      return { data: explanation };
    },
  }),
];

function statsView({ counts, task: _, ...rates }: TaskStats) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return { total, ...counts, ...rates };
}
