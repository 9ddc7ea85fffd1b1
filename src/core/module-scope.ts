/**
 * The module that is being evaluated right now, as far as a loader says so. Owns how it is
 * found; refuses to know what a loader does with it.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { processWide } from "./process-wide.ts";

/** What a module may ask of the loader that evaluates it. */
export interface ModuleScope {
  /** Calls `dispose` when this version of the module is no longer used. */
  onDispose(dispose: () => unknown): void;
}

/** Follows a module through its top-level awaits. */
export function moduleScopes(): AsyncLocalStorage<ModuleScope> {
  return processWide("module-scopes", () => new AsyncLocalStorage<ModuleScope>());
}
