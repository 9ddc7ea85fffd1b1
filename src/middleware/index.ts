/** The public names of the door `taskrun/middleware`: middleware to use and to put together. */

export type { Middleware } from "../core/middleware.ts";
export { combine } from "./combine.ts";
export { forTasks } from "./for-tasks.ts";
export { mapErrors } from "./map-errors.ts";
export { measure } from "./measure.ts";
export { runIn } from "./run-in.ts";
