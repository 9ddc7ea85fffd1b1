/**
 * The HTTP API of one process: its connections, its server, where it listens. Refuses to be
 * reached from other machines as long as nobody needs a token.
 */

import { isIPv6 } from "node:net";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Catalog } from "../core/catalog.ts";
import type { ParsedCrontab } from "../core/crontab.ts";
import { TaskrunError } from "../core/errors.ts";
import type { RuntimeEvents } from "../core/events.ts";
import type { Logger } from "../core/logger.ts";
import { createApi } from "./create-api.ts";
import { createFastify } from "./create-fastify.ts";
import { Gatekeeper } from "./gatekeeper.ts";
import { isLoopback } from "./loopback.ts";
import { allRoutes, ownRoutes } from "./routes/all-routes.ts";
import { SignIn } from "./sign-in.ts";
import { TrustedProxies } from "./trusted-proxies.ts";

type HttpOption =
  | "httpHost"
  | "httpPrefix"
  | "httpTrustProxy"
  | "httpCorsOrigins"
  | "httpEnqueueRate";

export interface HttpServerOptions {
  readonly config: Pick<ResolvedConfig, HttpOption | "schema">;
  /** 0 = any that is free. */
  readonly port: number;
  readonly connectionString: string;
  readonly logger: Logger;
  /** The tasks that are known here at this moment. */
  readonly catalog: () => Catalog;
  /** The lines of the crontab that are known here at this moment. Default: none. */
  readonly crontab?: () => ParsedCrontab;
  /** Of the attempts that run in this process, to be counted. */
  readonly events?: RuntimeEvents;
}

export interface HttpServer {
  /** "http://127.0.0.1:3000" */
  readonly url: string;
  /** Whether requests need a token. */
  readonly needsToken: boolean;
  /** A link that signs a browser in, one time; the one before is good for nothing any more. */
  newLink(): string;
  /** Answers what has been asked, for 5 s at most, and takes nothing new. */
  close(): Promise<void>;
}

const closeWithinMs = 5_000;

/**
 * The database must be migrated.
 *
 * @throws TaskrunError `bad-config` when the host or the port can't be listened on
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { config, port } = options;
  const { httpHost: host } = config;
  const { api, server } = createParts(options);
  const { gate, signIn } = api.entrance;
  const close = async (): Promise<void> => {
    const late = setTimeout(() => server.server.closeAllConnections(), closeWithinMs);
    await server.close();
    clearTimeout(late);
    await api.close();
  };
  try {
    const needsToken = await gate.isClosed();
    if (!needsToken && !isLoopback(host)) throw notSafe(host);
    api.start();
    await server.listen({ port, host }).catch((error: unknown) => {
      throw cannotListen(error, host, port);
    });
    const shown = isIPv6(host) ? `[${host}]` : host;
    const [address] = server.addresses();
    const listening = typeof address === "object" ? address.port : port;
    const url = `http://${shown}:${listening}${config.httpPrefix}`;
    return { url, needsToken, newLink: () => `${url}/login?once=${signIn.newLink()}`, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function createParts(options: HttpServerOptions) {
  const { config } = options;
  const { schema, httpCorsOrigins: corsOrigins, httpEnqueueRate: enqueueRate } = config;
  const source = { ...options, schema, corsOrigins, enqueueRate };
  const api = createApi(source, (shared) => {
    const gate = new Gatekeeper(shared);
    const signIn = new SignIn({ ...shared, gatekeeper: gate });
    return { gate, signIn, routes: [...allRoutes, ...ownRoutes] };
  });
  const proxies = new TrustedProxies(config.httpTrustProxy);
  return { api, server: createFastify({ ...api.options, prefix: config.httpPrefix, proxies }) };
}

function notSafe(host: string): TaskrunError {
  const what = `httpHost ${host}: without a token, the HTTP API listens on this machine only`;
  return new TaskrunError("bad-config", what, {
    nextStep: "Create one with `taskrun token create NAME`, or leave httpHost at 127.0.0.1.",
  });
}

const listenFaults: Readonly<Record<string, string>> = {
  EACCES: "this account may not listen on that port",
  EADDRINUSE: "another process listens there",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "the name is unknown",
};

function cannotListen(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const fault = listenFaults[code];
  if (fault === undefined) return error;
  return new TaskrunError("bad-config", `httpHost ${host}, httpPort ${port}: ${fault}`, {
    nextStep: "Choose another with --http-port or --http-host.",
    cause: error,
  });
}
