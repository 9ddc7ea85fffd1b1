/** Lets a module close what it has opened, when watch mode has put a newer version in its place. */

import { moduleScopes } from "./module-scope.ts";

/**
 * Calls `dispose` once no attempt uses this version of the calling module any more: after the
 * module, or one that it imports, was saved, and the attempts that began before have ended.
 *
 * Call it at the top level of a module, also after a top-level `await` or in a function that the
 * top level calls. Called later, from a handler, it does nothing; so it does in production, where
 * a module is never replaced.
 *
 * @example
 * const timer = setInterval(refresh, 60_000);
 * onDispose(() => clearInterval(timer));
 */
export function onDispose(dispose: () => unknown): void {
  moduleScopes().getStore()?.onDispose(dispose);
}
