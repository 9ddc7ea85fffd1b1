/** Every call of the API that takes and answers JSON, in the order of the reference. */

import type { HttpRoute } from "../http-route.ts";
import { crontabRoutes } from "./crontab-routes.ts";
import { errorRoutes } from "./error-routes.ts";
import { lookRoutes } from "./look-routes.ts";
import { operationRoutes } from "./operation-routes.ts";
import { taskRoutes } from "./task-routes.ts";

export const allRoutes: readonly HttpRoute[] = [
  ...taskRoutes,
  ...operationRoutes,
  ...lookRoutes,
  ...errorRoutes,
  ...crontabRoutes,
];
