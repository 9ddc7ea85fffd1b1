/** The calls that look at what is around the tasks: the catalog, processes, errors. */

import { z } from "zod";
import { listErrorGroups } from "../../store/error-groups.ts";
import { listProcesses } from "../../store/live-view.ts";
import { listPublishedTasks } from "../../store/published-tasks.ts";
import { readRunning } from "../../store/queue/read-running.ts";
import { type HttpRoute, httpRoute } from "../http-route.ts";
import { moment, taskFilter } from "./task-routes.ts";

const mostRunning = 10_000;

export const lookRoutes: readonly HttpRoute[] = [
  httpRoute({
    method: "GET",
    path: "/catalog",
    scope: "read",
    async answer(_, { db, schemas }) {
      const tasks = await listPublishedTasks(db, schemas);
      return {
        data: tasks.map(({ name, task, ...rest }) => ({
          task_type: name,
          alias_of: name === task ? null : task,
          ...rest,
        })),
      };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/processes",
    scope: "read",
    async answer(_, { db, schemas }) {
      const running = await readRunning(db, schemas, mostRunning);
      return { data: await listProcesses(db, schemas, running) };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/errors",
    scope: "read",
    query: z.strictObject({ task_type: taskFilter.task_type, since: moment.optional() }),
    async answer({ query: { task_type, since } }, { db, schemas }) {
      const groups = await listErrorGroups(db, schemas, {
        ...(task_type === undefined ? {} : { task: task_type }),
        ...(since === undefined ? {} : { since }),
      });
      return { data: groups.map(({ task, ...group }) => ({ task_type: task, ...group })) };
    },
  }),
];
