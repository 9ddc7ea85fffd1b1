/** The calls that change tasks: one, or all that a filter matches, or whether any are started. */

import { z } from "zod";
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
import type { Caller } from "../gatekeeper.ts";
import { type ApiParts, type HttpRoute, httpRoute, jobId } from "../http-route.ts";
import { jobFilterFrom, taskFilter } from "./task-routes.ts";

const reason = z.string().min(1).max(1_000).optional();
const shownIds = 20;

const bulk = z
  .strictObject({
    operation: z.enum(["cancel", "retry", "run_now"]),
    filter: z
      .strictObject({ ...taskFilter, ids: z.array(jobId).max(10_000).optional() })
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
    body: z.strictObject({ reason }),
    async answer({ id, body, caller }, { db, schemas }) {
      const by = { reason: body.reason, requestedBy: caller.name ?? undefined };
      return { data: { id, result: await cancelJob(db, schemas, id, by) } };
    },
  }),
  httpRoute({
    method: "POST",
    path: "/tasks/:id/retry",
    scope: "operate",
    async answer({ id }, { db, schemas }) {
      return { data: { id: await retryJob(db, schemas, id), result: "due" } };
    },
  }),
  httpRoute({
    method: "POST",
    path: "/tasks/:id/run-now",
    scope: "operate",
    async answer({ id }, { db, schemas }) {
      return { data: { id, result: await runJobNow(db, schemas, id) } };
    },
  }),
  httpRoute({
    method: "POST",
    path: "/tasks/bulk",
    scope: "operate",
    body: bulk,
    async answer({ body, caller }, api) {
      const { operation, preview } = body;
      const choice = choiceFrom(body);
      if (preview) {
        const ids = await matchingJobs(api.db, api.schemas, operation, choice);
        const first = ids.slice(0, shownIds);
        return { data: { operation, preview, count: ids.length, first_ids: first } };
      }
      const changed = await change(api, body, choice, caller);
      const results: Record<string, number> = {};
      for (const { state } of changed) results[state] = (results[state] ?? 0) + 1;
      return { data: { operation, preview, count: changed.length, results } };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/pauses",
    scope: "read",
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
    body: z.strictObject({ ...gate, reason }).refine(isOneGate, oneGate),
    async answer({ body, caller }, { db, schemas }) {
      const by = caller.name ?? "the HTTP API";
      const held = { ...gateFrom(body), by, reason: body.reason ?? null };
      await pause(db, schemas, held);
      const { kind, name } = held;
      return { data: { kind, name, paused_by: by, reason: held.reason } };
    },
  }),
  httpRoute({
    method: "POST",
    path: "/resume",
    scope: "operate",
    body: z.strictObject(gate).refine(isOneGate, oneGate),
    async answer({ body }, { db, schemas }) {
      const given = gateFrom(body);
      return { data: { ...given, was_held: await resume(db, schemas, given) } };
    },
  }),
];

function choiceFrom({ filter, all, limit }: Bulk): JobChoice {
  return {
    ...jobFilterFrom(filter),
    ...(filter.ids === undefined ? {} : { ids: filter.ids }),
    ...(limit === undefined ? {} : { limit }),
    all,
  };
}

function change(
  { db, schemas }: ApiParts,
  { operation, reason: why }: Bulk,
  choice: JobChoice,
  { name }: Caller,
): Promise<readonly ChangedJob<string>[]> {
  if (operation === "retry") return retryJobs(db, schemas, choice);
  if (operation === "run_now") return runJobsNow(db, schemas, choice);
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
