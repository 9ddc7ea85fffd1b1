/** Makes other errors of what comes from within: a library's own, say, of what taskrun knows. */

import type { TaskContext } from "../core/context.ts";
import type { Middleware } from "../core/middleware.ts";
import { intentOf } from "../core/task-errors.ts";

/**
 * `map` is given what was thrown and returns what is thrown instead; undefined leaves it. What
 * taskrun itself throws to end an attempt (`ctx.waitFor`) passes by.
 *
 * @example mapErrors((error) => isCardDeclined(error) ? new PermanentError("declined") : undefined)
 */
export function mapErrors(map: (error: unknown, ctx: TaskContext) => unknown): Middleware {
  return async function mappingErrors(ctx, next) {
    try {
      return await next();
    } catch (error) {
      if (intentOf(error) === "waiting") throw error;
      const mapped = await map(error, ctx);
      throw mapped === undefined ? error : mapped;
    }
  };
}
