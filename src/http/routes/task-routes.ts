/** The calls that create tasks and look at them. */

import { z } from "zod";
import { jobStates } from "../../core/job.ts";
import { explainJob } from "../../store/explain.ts";
import type { JobFilter } from "../../store/job-filter.ts";
import { readJobStory } from "../../store/job-story.ts";
import { getJob, type JobPage, type JobRow, listJobPage, listJobs } from "../../store/jobs.ts";
import { listLogLinesAfter } from "../../store/logs.ts";
import type { JobChoice } from "../../store/operations.ts";
import { readStats, type TaskStats } from "../../store/task-stats.ts";
import { createTask, idempotencyKeyIn, newTask } from "../create-task.ts";
import { HttpError } from "../http-error.ts";
import { type ApiParts, type HttpRoute, httpRoute, jobId } from "../http-route.ts";
import {
  createdTaskShape,
  explanationShape,
  latencyShape,
  listOf,
  logLineShape,
  at as momentShape,
  taskDetailsShape,
  taskShape,
} from "../task-shape.ts";
import { taskDetails, taskView } from "../task-view.ts";

const shownLogLines = 100;
const dayMs = 86_400_000;
/** Postgres' largest integer. */
const mostAttempts = 2_147_483_647;

/** In the address; as ISO 8601. */
export const moment = z.iso
  .datetime({ offset: true, error: 'expected a moment like "2030-01-31T08:00:00Z"' })
  .transform((text) => new Date(text))
  .refine(isInCalendar, { error: "expected a moment in the years 1 to 9999" });

/** Others are written as the database doesn't read them. */
function isInCalendar(moment: Date): boolean {
  const year = moment.getUTCFullYear();
  return year >= 1 && year <= 9999;
}

const limit = z.coerce
  .number({ error: "expected a whole number from 1 to 500" })
  .int({ error: "expected a whole number from 1 to 500" })
  .min(1, { error: "expected a whole number from 1 to 500" })
  .max(500, { error: "expected a whole number from 1 to 500" });

/** What chooses tasks, in lists and in bulk operations. */
export const taskFilter = {
  status: z.enum(jobStates, { error: `expected one of ${jobStates.join(", ")}` }).optional(),
  task_type: z.string().min(1).optional(),
  queue: z.string().min(1).optional(),
  correlation_id: z.string().min(1).optional(),
  since: moment.optional(),
  until: moment.optional(),
};

/** "user.id=7": a path into the payload, and the value there as text. */
const payloadCondition = z
  .string()
  .regex(/^[^=]+=/, { error: 'expected a path and a value, like "user.id=7"' })
  .max(1_000)
  .transform((text) => {
    const [path = "", value = ""] = text.split(/=(.*)/s);
    return { path: path.split("."), value };
  });

export const payload = z
  .preprocess(
    (given) => (typeof given === "string" ? [given] : given),
    z.array(payloadCondition).min(1).max(5),
  )
  .meta({ type: "array", items: { type: "string" }, description: '"user.id=7", up to five' })
  .optional();

const filterShape = z.object(taskFilter);

/** What was given and nothing else. */
export function jobFilterFrom(given: z.output<typeof filterShape>): JobChoice {
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

const repeated = { "idempotency-replayed": "true" };

const statsShape = z.object({
  total: z.number(),
  ...Object.fromEntries(jobStates.map((state) => [state, z.number()])),
  completed_per_minute: z.number(),
  failed_per_minute: z.number(),
  wait_ms: latencyShape.describe("From being due to the start of the last attempt"),
  run_ms: latencyShape.describe("Of the last attempt"),
});

export const taskRoutes: readonly HttpRoute[] = [
  httpRoute({
    method: "POST",
    path: "/tasks",
    scope: "enqueue",
    summary: "Create a task",
    status: 201,
    isIdempotent: true,
    body: newTask,
    data: createdTaskShape,
    async answer({ body, caller, place, knock }, api) {
      const key = idempotencyKeyIn(knock.headers);
      const { task: data, isRepeated } = await createTask(api, body, { caller, key });
      const location = `${place.prefix}/tasks/${data.id}`;
      return { data, headers: { location, ...(isRepeated ? repeated : {}) } };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/tasks",
    scope: "read",
    isShared: true,
    summary: "List tasks, the newest first",
    query: z.strictObject({
      ...taskFilter,
      fingerprint: z.string().min(1).optional(),
      payload,
      limit: limit.default(50),
      cursor: jobId.optional(),
    }),
    data: listOf(taskShape),
    more: {
      next_cursor: z.string().nullable().describe("Null: there are no more"),
      searched_back_to: momentShape
        .optional()
        .describe("Only where few match: looked at are tasks created since; go on by the cursor"),
    },
    async answer({ query }, api) {
      const { limit: most } = query;
      const { jobs, searchedTo } = await listPage(api, query);
      const shown = jobs.slice(0, most).map(taskView);
      const next_cursor =
        jobs.length > most ? (shown.at(-1)?.id ?? null) : (searchedTo?.before ?? null);
      const at = searchedTo?.at ?? null;
      return {
        data: shown,
        more: { next_cursor, ...(at === null ? {} : { searched_back_to: at }) },
      };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/tasks/stats",
    scope: "read",
    isShared: true,
    summary: "Count tasks by status, with rates, waiting and running times",
    query: z.strictObject({ task_type: taskFilter.task_type, since: moment.optional() }),
    data: statsShape.extend({
      since: momentShape,
      until: momentShape,
      task_types: listOf(statsShape.extend({ task_type: z.string().nullable() })),
    }),
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
    summary: "Look at one task with all that is kept of it",
    data: taskDetailsShape,
    async answer({ id }, { db, schemas }) {
      const story = await readJobStory(db, schemas, id, { logLines: shownLogLines });
      if (story === null) throw notFound(id);
      return { data: taskDetails(story) };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/tasks/:id/logs",
    scope: "read",
    summary: "Read the lines that its attempts have logged, the oldest first",
    query: z.strictObject({
      attempt: z.coerce.number().int().min(0).max(mostAttempts).optional(),
      after: z
        .string()
        .regex(/^\d{1,18}$/, { error: "expected a next_after" })
        .optional(),
      limit: limit.default(200),
    }),
    data: listOf(logLineShape),
    more: { next_after: z.string().nullable().describe("Give it as `after` for newer lines") },
    async answer({ id, query: { attempt, after, limit: most } }, { db, schemas }) {
      const choice = { after: after ?? null, attempt: attempt ?? null, limit: most };
      const { lines, last } = await listLogLinesAfter(db, schemas, id, choice);
      if (lines.length === 0 && (await getJob(db, schemas, id)) === null) throw notFound(id);
      return { data: lines, more: { next_after: last ?? after ?? null } };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/tasks/:id/explain",
    scope: "read",
    summary: "Say why a task isn't running, or what it is doing",
    data: explanationShape,
    async answer({ id }, { db, schemas }) {
      const explanation = await explainJob(db, schemas, id);
      if (explanation === null) throw notFound(id);
      const { state: status, ...rest } = explanation;
      return { data: { status, ...rest } };
    },
  }),
];

interface PageQuery extends z.output<typeof filterShape> {
  readonly ids?: readonly string[] | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly payload?: JobFilter["payload"] | undefined;
}

/** Within that time a page answers, with less on it if need be. */
const searchMs = 80;

/** One more than asked for: it says whether there is another page. */
async function listPage(api: ApiParts, query: PageQuery): Promise<JobPage> {
  return listJobPage(api.db, api.schemas, jobFilterOf(query), { budgetMs: searchMs });
}

/** The newest tasks that a filter matches, at most so many. */
export async function listChosen(
  api: ApiParts,
  query: Omit<PageQuery, "limit">,
  most: number,
): Promise<JobRow[]> {
  return listJobs(api.db, api.schemas, jobFilterOf({ ...query, limit: most - 1 }));
}

function jobFilterOf(given: PageQuery): JobFilter {
  const { ids, cursor, fingerprint, payload, limit, ...query } = given;
  return {
    ...jobFilterFrom(query),
    ...(ids === undefined ? {} : { ids }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(payload === undefined ? {} : { payload }),
    ...(cursor === undefined ? {} : { before: cursor }),
    limit: limit + 1,
  };
}

type StatsView = z.input<typeof statsShape>;

function statsView({ counts, task: _, ...rates }: TaskStats): StatsView {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return { total, ...counts, ...rates };
}
