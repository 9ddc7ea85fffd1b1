/** The calls about the lines of the crontab: when they run, run one now, hold one back. */

import { z } from "zod";
import { closestName } from "../../core/closest-name.ts";
import { nextRuns } from "../../core/cron-schedule.ts";
import type { CronItem } from "../../core/crontab.ts";
import { describeSchedule } from "../../core/describe-schedule.ts";
import { maskedPayload } from "../../core/masked-payload.ts";
import { createEnqueuer, taskFinder } from "../../runtime/enqueueing/enqueue.ts";
import {
  type CronLineRow,
  lastTicks,
  listCronLines,
  noteCronJob,
  pauseCronLine,
  resumeCronLine,
} from "../../store/cron-ticks.ts";
import { getJob, type JobRow, listJobs } from "../../store/jobs.ts";
import { HttpError } from "../http-error.ts";
import { type ApiParts, type HttpRoute, httpRoute } from "../http-route.ts";
import { at, createdTaskShape, listOf, taskStatus } from "../task-shape.ts";
import { createdTask } from "../task-view.ts";

const shownRuns = 5;

const cronLine = z.object({
  identifier: z.string(),
  task_type: z.string(),
  schedule: z.string().describe("The five fields"),
  words: z.string(),
  time_zone: z.string(),
  payload: z.record(z.string(), z.unknown()),
  comment: z.string().nullable(),
  line: z.number(),
  next_runs: listOf(at),
  last_tick: at.nullable().describe("The last minute that it was due and noted"),
  last_run: z
    .object({ id: z.string(), at, status: taskStatus })
    .nullable()
    .describe("The last task that it queued, as long as something is kept of it"),
  paused: z.boolean(),
  paused_by: z.string().nullable(),
});

export const crontabRoutes: readonly HttpRoute[] = [
  httpRoute({
    method: "GET",
    path: "/crontab",
    scope: "read",
    summary: "List the lines of the crontab, with their next runs and their last one",
    data: listOf(cronLine),
    answer: async (_, api) => ({ data: await listLines(api) }),
  }),
  httpRoute({
    method: "POST",
    path: "/crontab/:identifier/run-now",
    scope: "operate",
    summary: "Queue the task of a line now, beside its times",
    status: 201,
    data: createdTaskShape,
    async answer({ params, caller, place }, api) {
      const data = createdTask(await queueNow(api, lineOf(api, params.identifier), caller.name));
      return { data, headers: { location: `${place.prefix}/tasks/${data.id}` } };
    },
  }),
  httpRoute({
    method: "POST",
    path: "/crontab/:identifier/pause",
    scope: "operate",
    summary: "Let a line queue nothing, in any process, until it is resumed",
    body: z.strictObject({ reason: z.string().min(1).max(1_000).optional() }),
    data: z.object({ identifier: z.string(), paused: z.literal(true) }),
    async answer({ params, body, caller }, api) {
      const { identifier } = lineOf(api, params.identifier);
      const by = caller.name ?? "the HTTP API";
      const held = { identifier, by, reason: body.reason ?? null };
      await pauseCronLine(api.db, api.schemas, held);
      return { data: { identifier, paused: true as const } };
    },
  }),
  httpRoute({
    method: "POST",
    path: "/crontab/:identifier/resume",
    scope: "operate",
    summary: "Let a line queue again; what was due meanwhile stays undone",
    data: z.object({ identifier: z.string(), paused: z.literal(false), was_paused: z.boolean() }),
    async answer({ params: { identifier = "" } }, { db, schemas }) {
      // Also for a line that has gone from the file.
      const was_paused = await resumeCronLine(db, schemas, identifier);
      return { data: { identifier, paused: false as const, was_paused } };
    },
  }),
];

async function listLines({ db, schemas, crontab, catalog }: ApiParts) {
  const { items } = crontab();
  const findTask = taskFinder(catalog());
  const [ticks, rows] = await Promise.all([lastTicks(db, schemas), listCronLines(db, schemas)]);
  const known = new Map(rows.map((row) => [row.identifier, row]));
  const ids = [...known.values()].map((row) => row.last_job_id).filter((id) => id !== null);
  const jobs = ids.length === 0 ? [] : await listJobs(db, schemas, { ids, limit: ids.length });
  const nowMs = Date.now();
  return items.map((item) => {
    const row = known.get(item.identifier);
    const job = jobs.find(({ id }) => id === row?.last_job_id);
    return {
      ...lineView(item, nowMs, row, job),
      payload: maskedPayload(findTask(item.task), item.payload),
      last_tick: ticks.get(item.identifier) ?? null,
    };
  });
}

function lineView(
  { identifier, task, pattern, schedule, comment, line }: CronItem,
  nowMs: number,
  row: CronLineRow | undefined,
  job: JobRow | undefined,
) {
  return {
    identifier,
    task_type: task,
    schedule: pattern,
    words: describeSchedule(schedule),
    time_zone: schedule.zone.name,
    comment,
    line,
    next_runs: nextRuns(schedule, nowMs, shownRuns).map((ms) => new Date(ms)),
    last_run: job === undefined ? null : { id: job.id, at: job.created_at, status: job.state },
    paused: row?.paused ?? false,
    paused_by: row?.paused_by ?? null,
  };
}

function lineOf({ crontab }: ApiParts, identifier = ""): CronItem {
  const { items } = crontab();
  const item = items.find((one) => one.identifier === identifier);
  if (item !== undefined) return item;
  const meant = closestName(
    identifier,
    items.map((one) => one.identifier),
  );
  const nextStep = meant === null ? "GET /crontab lists the lines." : `Did you mean ${meant}?`;
  const what = `There is no line ${identifier} in the crontab.`;
  throw new HttpError(404, "unknown-cron-line", what, { nextStep });
}

async function queueNow(
  { db, schemas, catalog }: ApiParts,
  item: CronItem,
  createdBy: string | null,
): Promise<JobRow> {
  const { enqueue } = createEnqueuer({ db, schemas, findTask: taskFinder(catalog()) });
  const _cron = { ts: new Date().toISOString(), backfilled: false };
  const payload = item.addsCron ? { ...item.payload, _cron } : item.payload;
  const by = createdBy === null ? {} : { createdBy };
  const { id } = await enqueue(item.task, payload, { ...item.options, ...by });
  await noteCronJob(db, schemas, item.identifier, id);
  const row = await getJob(db, schemas, id);
  if (row === null) throw new TypeError(`the job ${id} is not there after it was added`);
  return row;
}
