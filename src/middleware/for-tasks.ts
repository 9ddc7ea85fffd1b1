/** Confines a middleware to some of the tasks that it is put around. */

import { TaskrunError } from "../core/errors.ts";
import type { Middleware } from "../core/middleware.ts";

/**
 * @param tasks names; "*" stands for any part of a name without "/", "**" for any part at all
 *
 * @throws TaskrunError "bad-definition" when there is no name among them
 *
 * @example middleware: [forTasks("billing/**", audit)]
 */
export function forTasks(tasks: string | readonly string[], middleware: Middleware): Middleware {
  const names = typeof tasks === "string" ? [tasks] : tasks;
  if (names.length === 0 || names.some((name) => typeof name !== "string" || name === "")) {
    throw new TaskrunError("bad-definition", "forTasks(tasks, middleware) got no name of a task");
  }
  const wanted = new RegExp(`^(?:${names.map(asPattern).join("|")})$`);
  // A process has few tasks and many attempts.
  const known = new Map<string, boolean>();
  return function forSomeTasks(ctx, next) {
    let fits = known.get(ctx.task);
    if (fits === undefined) {
      fits = wanted.test(ctx.task);
      known.set(ctx.task, fits);
    }
    return fits ? middleware(ctx, next) : next();
  };
}

function asPattern(name: string): string {
  const escaped = name.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&");
  return escaped.replaceAll(/\*\*?/g, (stars) => (stars === "**" ? ".*" : "[^/]*"));
}
