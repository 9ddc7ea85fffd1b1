/** The one way to wrap an attempt: an onion of functions around the handler. */

import type { TaskContext } from "./context.ts";

/**
 * Wraps the handler. Call `next` once and return what it returned, or throw, or return
 * something else without calling it.
 */
export type Middleware = (ctx: TaskContext, next: () => Promise<unknown>) => Promise<unknown>;
