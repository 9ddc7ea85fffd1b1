/** Who is compared where a process has little to do, with the settings people would give it. */

import { fastestSettings, graphileWorkerSide } from "./graphile-worker-side.ts";
import type { Side } from "./side.ts";
import { taskrunSide } from "./taskrun-side.ts";

export function idleSides(connectionString: string): Side[] {
  return [
    graphileWorkerSide({
      name: "graphile-worker, default settings",
      connectionString,
      settings: { concurrency: 10 },
    }),
    graphileWorkerSide({
      name: "graphile-worker, fastest settings",
      connectionString,
      settings: fastestSettings,
    }),
    taskrunSide({ name: "taskrun", connectionString }),
  ];
}
