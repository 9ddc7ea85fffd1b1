/**
 * Lets the config's plugins take part in a process: their listeners hear from its start on, their
 * services live as long as it does. Their middleware is a layer of the tasks (`project-loader`).
 */

import { setTimeout as pause } from "node:timers/promises";
import type { Pool } from "pg";
import { TaskrunError } from "../core/errors.ts";
import type { RuntimeEventMap, RuntimeEvents } from "../core/events.ts";
import type { Logger } from "../core/logger.ts";
import type { Plugin, PluginService } from "../core/plugin.ts";
import type { BackgroundService } from "./background-service.ts";

export interface PluginsOptions {
  readonly config: { readonly plugins: readonly Plugin[]; readonly shutdownDeadlineMs: number };
  readonly events: RuntimeEvents;
  readonly logger: Logger;
  /** The handlers' pool. */
  readonly pool: Pool;
}

interface Running {
  readonly plugin: string;
  readonly service: PluginService;
}

export class Plugins implements BackgroundService {
  readonly #options: PluginsOptions;
  #running: Running[] = [];

  constructor(options: PluginsOptions) {
    this.#options = options;
  }

  /** @throws TaskrunError `plugin-not-started` */
  async start(): Promise<void> {
    const { config, events, logger, pool } = this.#options;
    for (const { listeners = {} } of config.plugins) {
      for (const [name, listener] of Object.entries(listeners)) {
        // why: the config's check has let known events through only
        if (listener !== undefined) events.on(name as keyof RuntimeEventMap, listener);
      }
    }
    for (const { name, services = [] } of config.plugins) {
      const host = { log: logger.child({ plugin: name }), pool };
      for (const service of services) {
        try {
          await service.start(host);
        } catch (cause) {
          const reason = cause instanceof Error ? cause.message : String(cause);
          const what = `The plugin ${name} can't be started: ${reason}`;
          throw new TaskrunError("plugin-not-started", what, { cause });
        }
        this.#running.push({ plugin: name, service });
      }
    }
  }

  async stop(): Promise<void> {
    const running = this.#running.toReversed();
    this.#running = [];
    for (const { plugin, service } of running) {
      await this.#stopInTime(service).catch((err: unknown) =>
        this.#options.logger.error({ err, plugin }, "a plugin's service did not stop well"),
      );
    }
  }

  async #stopInTime(service: PluginService): Promise<void> {
    const { shutdownDeadlineMs } = this.#options.config;
    const stopped = new AbortController();
    const late = pause(shutdownDeadlineMs, undefined, { signal: stopped.signal }).then(
      () => Promise.reject(new Error(`it still runs after ${shutdownDeadlineMs} ms`)),
      () => undefined,
    );
    try {
      await Promise.race([service.stop(), late]);
    } finally {
      stopped.abort();
    }
  }
}
