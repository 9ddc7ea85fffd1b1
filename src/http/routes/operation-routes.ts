/** The calls that change tasks: one, or all that a filter matches, or whether any are started. */

import { z } from "zod";
import type { JobState } from "../../core/job.ts";
import { type GateKind, listOpenBreakers, listPauses, pause, resume } from "../../store/gates.ts";
import {
  type ChangedJob,
  cancelJob,
  cancelJobs,
  type JobChoice,
  matchingJobs,
  retryJob,
  retryJobs,
  runJobNow,
  runJobsNow,
} from "../../store/operations.ts";
import type { Caller } from "../gate.ts";
import { type ApiParts, type HttpRoute, httpRoute, jobId } from "../http-route.ts";
import { at, listOf } from "../task-shape.ts";
import { jobFilterFrom, listChosen, payload, taskFilter } from "./task-routes.ts";

const reason = z.string().min(1).max(1_000).optional();
const shownIds = 20;
/** More than that at once are taken by another call. */
const mostSearched = 10_000;

const operation = z.enum(["cancel", "retry", "run_now"]);

const bulk = z
  .strictObject({
    operation,
    filter: z
      .strictObject({
        ...taskFilter,
        fingerprint: z.string().min(1).optional(),
        payload,
        ids: z.array(jobId).max(10_000).optional(),
      })
      .default({}),
    all: z.boolean().default(false),
    limit: z.int().min(1).max(1_000_000).optional(),
    preview: z.boolean().default(false),
    reason,
  })
  .refine(({ filter, all }) => all || Object.keys(filter).length > 0, {
    path: ["filter"],
    error: "choose tasks by at least one field, or give all: true",
  });

type Bulk = z.output<typeof bulk>;

/**
 * Where each operation finds something to do. By its ids a cancelled task would be retried as well;
 * and what has ended, of which there may be any number, must not take the place of what waits.
 */
const changeable: Readonly<Record<Bulk["operation"], readonly JobState[]>> = {
  cancel: ["pending", "scheduled", "blocked", "retrying", "running"],
  retry: ["failed"],
  run_now: ["pending", "scheduled", "retrying"],
};

const kind = z.enum(["all", "task", "queue"]);

const gate = {
  task_type: z.string().min(1).optional(),
  queue: z.string().min(1).optional(),
  all: z.literal(true).optional(),
};
const oneGate = { path: [], error: "give task_type, queue or all: one of the three" };

export const operationRoutes: readonly HttpRoute[] = [
  httpRoute({
    method: "POST",
    path: "/tasks/:id/cancel",
    scope: "operate",
    summary: "Cancel a task, wherever it is",
    body: z.strictObject({ reason }),
    data: z.object({
      id: z.string(),
      result: z
        .enum(["cancelled", "cancelling", "completed", "failed"])
        .describe("cancelling: it runs and has been told to stop"),
    }),
    async answer({ id, body, caller }, { db, schemas }) {
      const by = { reason: body.reason, requestedBy: caller.name ?? undefined };
      return { data: { id, result: await cancelJob(db, schemas, id, by) } };
    },
  }),
  httpRoute({
    method: "POST",
    path: "/tasks/:id/retry",
    scope: "operate",
    summary: "Let a failed or cancelled task run again, with all its attempts",
    data: z.object({ id: z.string(), result: z.literal("due") }),
    async answer({ id }, { db, schemas }) {
      return { data: { id: await retryJob(db, schemas, id), result: "due" as const } };
    },
  }),
  httpRoute({
    method: "POST",
    path: "/tasks/:id/run-now",
    scope: "operate",
    summary: "Make a scheduled or retrying task due",
    data: z.object({
      id: z.string(),
      result: z.enum(["due", "running", "completed", "failed", "cancelled"]),
    }),
    async answer({ id }, { db, schemas }) {
      return { data: { id, result: await runJobNow(db, schemas, id) } };
    },
  }),
  httpRoute({
    method: "POST",
    path: "/tasks/bulk",
    scope: "operate",
    summary: "Cancel, retry or run now all tasks that a filter matches, or say how many",
    body: bulk,
    data: z.object({
      operation,
      preview: z.boolean(),
      count: z.number(),
      first_ids: listOf(z.string()).optional().describe("In a preview: the first ones"),
      results: z
        .record(z.string(), z.number())
        .optional()
        .describe("How many became what; none in a preview"),
    }),
    async answer({ body, caller }, api) {
      const { operation: asked, preview } = body;
      const choice = await choiceFrom(api, body);
      if (preview) {
        const ids = await matchingJobs(api.db, api.schemas, asked, choice);
        const first = ids.slice(0, shownIds);
        return { data: { operation: asked, preview, count: ids.length, first_ids: first } };
      }
      const changed = await change(api, body, choice, caller);
      const results: Record<string, number> = {};
      for (const { state } of changed) results[state] = (results[state] ?? 0) + 1;
      return { data: { operation: asked, preview, count: changed.length, results } };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/pauses",
    scope: "read",
    summary: "List what is paused, and the breakers that are open",
    data: z.object({
      pauses: listOf(
        z.object({
          kind,
          name: z.string().describe("Empty for all"),
          paused_by: z.string().nullable(),
          reason: z.string().nullable(),
          paused_at: at,
        }),
      ),
      breakers: listOf(
        z.object({
          task: z.string(),
          state: z.enum(["open", "half_open"]),
          opened_at: at,
          open_until: at,
          failures: z.number(),
          successes: z.number(),
          last_error: z.string().nullable(),
        }),
      ),
    }),
    async answer(_, { db, schemas }) {
      const [pauses, breakers] = await Promise.all([
        listPauses(db, schemas),
        listOpenBreakers(db, schemas),
      ]);
      return { data: { pauses, breakers } };
    },
  }),
  httpRoute({
    method: "POST",
    path: "/pause",
    scope: "operate",
    summary: "Let no process start tasks of a task_type, of a queue, or any",
    data: z.object({
      kind,
      name: z.string(),
      paused_by: z.string(),
      reason: z.string().nullable(),
    }),
    body: z.strictObject({ ...gate, reason }).refine(isOneGate, oneGate),
    async answer({ body, caller }, { db, schemas }) {
      const by = caller.name ?? "the HTTP API";
      const held = { ...gateFrom(body), by, reason: body.reason ?? null };
      await pause(db, schemas, held);
      return { data: { kind: held.kind, name: held.name, paused_by: by, reason: held.reason } };
    },
  }),
  httpRoute({
    method: "POST",
    path: "/resume",
    scope: "operate",
    summary: "Take a pause back; closes an open breaker too",
    data: z.object({ kind, name: z.string(), was_held: z.boolean() }),
    body: z.strictObject(gate).refine(isOneGate, oneGate),
    async answer({ body }, { db, schemas }) {
      const given = gateFrom(body);
      return { data: { ...given, was_held: await resume(db, schemas, given) } };
    },
  }),
];

/** What only lists look for is looked for first, and then the ids are the choice. */
async function choiceFrom(api: ApiParts, body: Bulk): Promise<JobChoice> {
  const { filter, all, limit } = body;
  const ids = await idsFor(api, body);
  return {
    ...jobFilterFrom(filter),
    ...(ids === undefined ? {} : { ids }),
    ...(limit === undefined ? {} : { limit }),
    all,
  };
}

async function idsFor(api: ApiParts, { filter, operation: asked }: Bulk) {
  const { fingerprint, payload: conditions, status: given, ids } = filter;
  if (fingerprint === undefined && conditions === undefined) return ids;
  const found: string[] = [];
  for (const status of given === undefined ? changeable[asked] : [given]) {
    if (found.length === mostSearched) break;
    const rows = await listChosen(api, { ...filter, status }, mostSearched - found.length);
    found.push(...rows.map(({ id }) => id));
  }
  return found;
}

function change(
  { db, schemas }: ApiParts,
  { operation: asked, reason: why }: Bulk,
  choice: JobChoice,
  { name }: Caller,
): Promise<readonly ChangedJob<string>[]> {
  if (asked === "retry") return retryJobs(db, schemas, choice);
  if (asked === "run_now") return runJobsNow(db, schemas, choice);
  return cancelJobs(db, schemas, choice, { reason: why, requestedBy: name ?? undefined });
}

interface GateBody {
  readonly task_type?: string | undefined;
  readonly queue?: string | undefined;
  readonly all?: true | undefined;
}

function isOneGate({ task_type, queue, all }: GateBody): boolean {
  return [task_type, queue, all].filter((one) => one !== undefined).length === 1;
}

function gateFrom({ task_type, queue }: GateBody): { kind: GateKind; name: string } {
  if (task_type !== undefined) return { kind: "task", name: task_type };
  return queue === undefined ? { kind: "all", name: "" } : { kind: "queue", name: queue };
}
