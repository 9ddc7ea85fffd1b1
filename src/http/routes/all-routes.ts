/**
 * Every call of the API that takes and answers JSON, in the order of the reference; `ownRoutes` are
 * those besides where nobody else says who asks.
 */

import type { HttpRoute } from "../http-route.ts";
import { accountRoutes } from "./account-routes.ts";
import { crontabRoutes } from "./crontab-routes.ts";
import { errorRoutes } from "./error-routes.ts";
import { lookRoutes } from "./look-routes.ts";
import { operationRoutes } from "./operation-routes.ts";
import { sessionRoutes, whoRoutes } from "./session-routes.ts";
import { taskRoutes } from "./task-routes.ts";

export const allRoutes: readonly HttpRoute[] = [
  ...taskRoutes,
  ...operationRoutes,
  ...lookRoutes,
  ...errorRoutes,
  ...crontabRoutes,
  ...whoRoutes,
];

export const ownRoutes: readonly HttpRoute[] = [...sessionRoutes, ...accountRoutes];
