/** Puts several middleware into one, to be named in one place and used in many. */

import { TaskrunError } from "../core/errors.ts";
import type { Middleware } from "../core/middleware.ts";

/**
 * The first is the outermost.
 *
 * @example export default combine(measure(report), mapErrors(asPermanent));
 */
export function combine(...all: readonly Middleware[]): Middleware {
  return function combined(ctx, next) {
    const runFrom = (index: number): Promise<unknown> => {
      const middleware = all[index];
      if (middleware === undefined) return next();
      let called = false;
      return middleware(ctx, async () => {
        if (called) {
          const name =
            middleware.name === "" ? "A middleware" : `The middleware ${middleware.name}`;
          throw new TaskrunError("next-called-twice", `${name} called next() twice in ${ctx.task}`);
        }
        called = true;
        return runFrom(index + 1);
      });
    };
    return runFrom(0);
  };
}
