/**
 * Runs what is within in an AsyncLocalStorage: code that is called by handlers finds the request,
 * the tenant or the logger there without having it passed on.
 */

import type { AsyncLocalStorage } from "node:async_hooks";
import type { TaskContext } from "../core/context.ts";
import type { Middleware } from "../core/middleware.ts";

/**
 * `valueFor` makes the attempt's value, and may be asynchronous.
 *
 * @example runIn(tenants, (ctx) => loadTenant(ctx.metadata?.tenant))
 */
export function runIn<Value>(
  storage: AsyncLocalStorage<Value>,
  valueFor: (ctx: TaskContext) => Value | Promise<Value>,
): Middleware {
  return async function runningIn(ctx, next) {
    const value = await valueFor(ctx);
    return storage.run(value, next);
  };
}
