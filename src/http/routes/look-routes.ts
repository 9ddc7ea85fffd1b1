/** The calls that look at what is around the tasks: the overview, the catalog, processes. */

import { z } from "zod";
import type { LoadFailure } from "../../core/catalog.ts";
import { listOpenBreakers, listPauses } from "../../store/gates.ts";
import { listProcesses } from "../../store/live-view.ts";
import { readOverview } from "../../store/overview.ts";
import {
  listLoadFailures,
  listPublishedTasks,
  type ReportedFailure,
} from "../../store/published-tasks.ts";
import { readRunning } from "../../store/queue/read-running.ts";
import { readStats } from "../../store/task-stats.ts";
import { type ApiParts, type HttpRoute, httpRoute } from "../http-route.ts";
import { at, latencyShape, listOf, taskStatus } from "../task-shape.ts";
import { moment } from "./task-routes.ts";

const mostRunning = 10_000;
const hourMs = 3_600_000;

const buckets = { error: "expected a whole number from 1 to 500" };

const attention = z.object({
  kind: z.enum(["failed", "breaker_open", "stuck", "no_process", "load_failure", "paused"]),
  count: z.number(),
  task_type: z.string().nullable().describe("Null where it is about none in particular"),
  detail: z.string(),
  since: at.nullable(),
});

const bucket = z.object({
  at: at.describe("Its begin"),
  completed: z.number(),
  failed: z.number(),
  cancelled: z.number(),
  wait_p50_ms: z.number().nullable(),
  wait_p95_ms: z.number().nullable(),
  run_p50_ms: z.number().nullable(),
  run_p95_ms: z.number().nullable(),
});

const policy = z.object({
  name: z.string(),
  value: z.unknown(),
  source: z.string().describe('"default", or the file that set it'),
});

const catalogTask = z.object({
  task_type: z.string(),
  alias_of: z.string().nullable(),
  description: z.string().nullable(),
  payload_schema: z.unknown().describe("JSON Schema; null when there is none to check by"),
  published_at: at,
  file: z.string().nullable(),
  version: z.number().nullable(),
  policies: listOf(policy).nullable().describe("Null when no process has told"),
  rates: z
    .object({
      completed: z.number(),
      failed: z.number(),
      run_ms: latencyShape,
      wait_ms: latencyShape,
    })
    .describe("Of the last hour"),
  breaker: z
    .object({
      state: z.enum(["open", "half_open"]),
      opened_at: at,
      open_until: at,
      failures: z.number(),
      last_error: z.string().nullable(),
    })
    .nullable(),
  paused: z
    .object({ paused_by: z.string().nullable(), reason: z.string().nullable(), paused_at: at })
    .nullable(),
  processes: listOf(z.string()).describe("Ids of the live processes that have it"),
});

const processShape = z.object({
  id: z.string(),
  host: z.string(),
  pid: z.number(),
  version: z.string(),
  started_at: at,
  last_beat_at: at,
  silent_ms: z.number(),
  tasks: listOf(z.string()).nullable(),
  concurrency: z.number().nullable(),
  running: z.number(),
  loop_lag_ms: z.number().nullable(),
  rss_bytes: z.number().nullable(),
  stuck: z
    .number()
    .nullable()
    .describe("Handlers that did not stop when they were told to, and still run"),
});

const loadFailure = z.object({
  file: z.string(),
  line: z.number().nullable(),
  column: z.number().nullable(),
  task_type: z.string().nullable(),
  kind: z.string(),
  reason: z.string(),
  fix: z.string(),
  frame: z.string().nullable(),
  processes: listOf(z.string()).describe("Ids; none: it is the file of the process that answers"),
});

export const lookRoutes: readonly HttpRoute[] = [
  httpRoute({
    method: "GET",
    path: "/overview",
    scope: "read",
    isShared: true,
    summary: "See how things are, over time, and what needs attention",
    query: z.strictObject({
      since: moment.optional(),
      buckets: z.coerce.number(buckets).int(buckets).min(1, buckets).max(500, buckets).default(60),
    }),
    data: z.object({
      since: at,
      until: at,
      bucket_ms: z.number(),
      counts: z.record(taskStatus, z.number()),
      series: listOf(bucket),
      attention: listOf(attention),
    }),
    async answer({ query }, { db, schemas }) {
      const since = query.since ?? new Date(Date.now() - hourMs);
      const overview = await readOverview(db, schemas, { since, buckets: query.buckets });
      const { bucketMs: bucket_ms, attention: noted, ...rest } = overview;
      const told = noted.map(({ task: task_type, ...one }) => ({ task_type, ...one }));
      return { data: { ...rest, bucket_ms, attention: told } };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/catalog",
    scope: "read",
    isShared: true,
    summary: "List the task types, with schemas, policies and how they do",
    data: listOf(catalogTask),
    answer: async (_, api) => ({ data: await readCatalog(api) }),
  }),
  httpRoute({
    method: "GET",
    path: "/load-failures",
    scope: "read",
    summary: "List the files that processes can't load as tasks, with place, reason and fix",
    data: listOf(loadFailure),
    async answer(_, { db, schemas, catalog }) {
      const reported = await listLoadFailures(db, schemas);
      const here = catalog().failures.filter(
        (one) => !reported.some((each) => each.file === one.file && each.reason === one.reason),
      );
      const all: readonly (LoadFailure & Partial<ReportedFailure>)[] = [...here, ...reported];
      return {
        data: all.map(({ task, code, processes = [], ...one }) => {
          return { task_type: task, kind: code, processes, ...one };
        }),
      };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/processes",
    scope: "read",
    isShared: true,
    summary: "List the processes that run tasks",
    data: listOf(processShape),
    async answer(_, { db, schemas }) {
      const running = await readRunning(db, schemas, mostRunning);
      return { data: await listProcesses(db, schemas, running) };
    },
  }),
];

async function readCatalog({ db, schemas }: ApiParts) {
  const since = new Date(Date.now() - hourMs);
  const [tasks, stats, breakers, pauses] = await Promise.all([
    listPublishedTasks(db, schemas),
    readStats(db, schemas, { since }),
    listOpenBreakers(db, schemas),
    listPauses(db, schemas),
  ]);
  return tasks.map(({ name, task, details, ...rest }) => {
    const { counts, run_ms, wait_ms } = stats.tasks.find((one) => one.task === name) ?? noStats;
    const breaker = breakers.find((one) => one.task === task);
    const paused = pauses.find((one) => one.kind === "task" && one.name === task);
    return {
      task_type: name,
      alias_of: name === task ? null : task,
      ...rest,
      ...(details ?? { file: null, version: null, policies: null }),
      rates: { completed: counts.completed, failed: counts.failed, run_ms, wait_ms },
      breaker: breaker === undefined ? null : breakerView(breaker),
      paused: paused === undefined ? null : pauseView(paused),
    };
  });
}

const none = { p50: null, p95: null };
const noStats = { counts: { completed: 0, failed: 0 }, run_ms: none, wait_ms: none };

type Row<List extends (...given: never[]) => Promise<readonly unknown[]>> = Awaited<
  ReturnType<List>
>[number];

function breakerView({
  state,
  opened_at,
  open_until,
  failures,
  last_error,
}: Row<typeof listOpenBreakers>) {
  return { state, opened_at, open_until, failures, last_error };
}

function pauseView({ paused_by, reason, paused_at }: Row<typeof listPauses>) {
  return { paused_by, reason, paused_at };
}
