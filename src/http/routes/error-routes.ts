/** The calls about failed tasks by what made them fail: what there is, and try it all again. */

import { z } from "zod";
import { type ErrorGroup, listErrorPage, listGroupJobs } from "../../store/error-groups.ts";
import { retryJobs } from "../../store/operations.ts";
import { HttpError } from "../http-error.ts";
import { type HttpRoute, httpRoute } from "../http-route.ts";
import { at, listOf } from "../task-shape.ts";
import { moment, taskFilter } from "./task-routes.ts";

const group = z.object({
  fingerprint: z.string().describe("The same for the same fault"),
  task_type: z.string(),
  error_name: z.string().nullable(),
  error_message: z.string().describe("Of the newest task"),
  frame: z.string().nullable().describe("Function and file of the topmost frame in its code"),
  count: z.number(),
  first_seen: at,
  last_seen: at,
  example_id: z.string().describe("The newest task"),
});

export const errorRoutes: readonly HttpRoute[] = [
  httpRoute({
    method: "GET",
    path: "/errors",
    scope: "read",
    isShared: true,
    summary: "List failed tasks by what made them fail, the fault that hit last first",
    query: z.strictObject({
      task_type: taskFilter.task_type,
      since: moment.optional(),
      cursor: z
        .string()
        .regex(/^\d{1,18}-\d{1,18}$/, { error: "expected a next_cursor" })
        .optional(),
    }),
    data: listOf(group),
    more: {
      next_cursor: z.string().nullable().describe("Null: all failures have been counted"),
      searched_back_to: at
        .optional()
        .describe("Only with very many: these are the failures since then; pages add up"),
    },
    async answer({ query: { task_type, since, cursor } }, { db, schemas }) {
      const { groups, searchedTo } = await listErrorPage(db, schemas, {
        ...(task_type === undefined ? {} : { task: task_type }),
        ...(since === undefined ? {} : { since }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      const more =
        searchedTo === null
          ? { next_cursor: null }
          : { next_cursor: searchedTo.cursor, searched_back_to: searchedTo.at };
      return { data: groups.map(groupView), more };
    },
  }),
  httpRoute({
    method: "POST",
    path: "/errors/:fingerprint/retry",
    scope: "operate",
    summary: "Retry all tasks of a group, or say how many that would be",
    body: z.strictObject({ preview: z.boolean().default(false) }),
    data: z.object({
      fingerprint: z.string(),
      preview: z.boolean(),
      count: z.number(),
      results: z.record(z.string(), z.number()).describe("How many became what; none in a preview"),
    }),
    async answer({ params: { fingerprint = "" }, body: { preview } }, { db, schemas }) {
      const ids = await listGroupJobs(db, schemas, fingerprint);
      if (ids.length === 0) throw unknownGroup(fingerprint);
      if (preview) return { data: { fingerprint, preview, count: ids.length, results: {} } };
      const results: Record<string, number> = {};
      const changed = await retryJobs(db, schemas, { ids, limit: ids.length });
      for (const { state } of changed) results[state] = (results[state] ?? 0) + 1;
      return { data: { fingerprint, preview, count: changed.length, results } };
    },
  }),
];

function groupView({ task, ...rest }: ErrorGroup) {
  return { task_type: task, ...rest };
}

function unknownGroup(fingerprint: string): HttpError {
  const what = `No failed task has the fingerprint ${fingerprint}.`;
  return new HttpError(404, "unknown-fingerprint", what, { nextStep: "GET /errors lists them." });
}
