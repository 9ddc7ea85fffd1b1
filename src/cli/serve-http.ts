/** Starts the HTTP API for a command, and tells where it is. */

import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { HttpServer, HttpServerOptions } from "../http/start-http-server.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { say } from "./output.ts";

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

/** The API of a process that runs jobs; null when none is configured. */
export async function serveBeside(
  runtime: Pick<Runtime, "catalog" | "crontab">,
  options: Pick<ServeOptions, "connectionString" | "logger" | "showsLink"> & {
    readonly config: ResolvedConfig;
  },
): Promise<HttpServer | null> {
  const { httpPort: port } = options.config;
  if (port === null) return null;
  const now = { catalog: () => runtime.catalog, crontab: () => runtime.crontab };
  return serveHttp({ ...options, ...now, port });
}
