/**
 * A plugin: what belongs together of a project's or a package's additions to a process. No third
 * way to extend beside middleware and events, only a bundle of them, and of what lives as long
 * as the process does.
 */

import type { Pool } from "pg";
import type { RuntimeEventMap } from "./events.ts";
import type { Logger } from "./logger.ts";
import type { Middleware } from "./middleware.ts";

export interface Plugin {
  /** Names it in the log and in errors; no other plugin's. */
  readonly name: string;
  /** Around every attempt, outside the config's own, the first one outermost. */
  readonly middleware?: readonly Middleware[];
  /** By event. What they throw is logged; they change no outcome. */
  readonly listeners?: PluginListeners;
  /** Started in this order before the first job is fetched, stopped in the opposite one. */
  readonly services?: readonly PluginService[];
}

export type PluginListeners = {
  readonly [Name in keyof RuntimeEventMap]?: (...event: RuntimeEventMap[Name]) => unknown;
};

export interface PluginService {
  /** When it throws or rejects, the process doesn't start. */
  start(host: PluginHost): unknown;
  /** Called when no handler runs any more; waited for no longer than `shutdownDeadline`. */
  stop(): unknown;
}

/** What a process lends a plugin's services. */
export interface PluginHost {
  /** Lines that carry the plugin's name. */
  readonly log: Logger;
  /** The handlers' pool. */
  readonly pool: Pool;
}

const events: Readonly<Record<keyof RuntimeEventMap, true>> = {
  "attempt:finished": true,
  "attempt:lost": true,
  "attempt:abandoned": true,
  "process:buried": true,
  "process:replaced": true,
  "process:blocked": true,
  "pauses:changed": true,
  "breaker:opened": true,
  "breaker:half-open": true,
  "breaker:closed": true,
  "crontab:queued": true,
  "tasks:published": true,
  "database:waiting": true,
  "database:back": true,
};

/** Every event that a plugin may listen to. */
export const pluginEvents: readonly string[] = Object.keys(events);

/**
 * Types a plugin; name it in the config's `plugins`.
 *
 * @example
 * export const metrics = definePlugin({
 *   name: "metrics",
 *   listeners: { "attempt:finished": ({ job, durationMs }) => observe(job.task, durationMs) },
 * });
 */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin;
}
