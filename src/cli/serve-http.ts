/** Starts the HTTP API for a command, and tells where it is. */

import { setTimeout as sleep } from "node:timers/promises";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { HttpServer, HttpServerOptions } from "../http/start-http-server.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { say } from "./output.ts";
import type { Duties } from "./processes/messages.ts";

export interface ServeOptions extends HttpServerOptions {
  /** Whether whoever sees the terminal is let into the dashboard, by a link that opens once. */
  readonly showsLink?: boolean;
}

/** @throws TaskrunError `bad-config` when it can't listen there */
export async function serveHttp({ showsLink, ...options }: ServeOptions): Promise<HttpServer> {
  // Loaded only here: a process that serves nothing starts without it.
  const { startHttpServer } = await import("../http/start-http-server.ts");
  const server = await startHttpServer(options);
  const who = server.needsToken ? "with a token" : "without a token, for this machine only";
  say(`  http      ${server.url}, ${who}`);
  say(`  dashboard ${showsLink ? `${server.newLink()} (opens once)` : `${server.url}/ui/`}`);
  return server;
}

/** The predecessor's port is free as soon as it begins to stop. */
const portFreeWithinMs = 15_000;
const betweenTriesMs = 20;

/**
 * The API of a process that runs jobs; null when none is configured. Of several processes one
 * serves it.
 */
export async function serveBeside(
  runtime: Pick<Runtime, "catalog" | "crontab" | "events">,
  options: Pick<ServeOptions, "connectionString" | "logger" | "showsLink"> & {
    readonly config: ResolvedConfig;
  },
  duties: Pick<Duties, "leads" | "replaces"> | null = null,
): Promise<HttpServer | null> {
  const { httpPort: port } = options.config;
  if (port === null || duties?.leads === false) return null;
  const { events } = runtime;
  const now = { events, catalog: () => runtime.catalog, crontab: () => runtime.crontab };
  const deadlineMs = performance.now() + (duties?.replaces ? portFreeWithinMs : 0);
  for (;;) {
    try {
      return await serveHttp({ ...options, ...now, port });
    } catch (error) {
      if (performance.now() >= deadlineMs || !isPortTaken(error)) throw error;
      await sleep(betweenTriesMs);
    }
  }
}

function isPortTaken(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
}
