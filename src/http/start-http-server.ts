/**
 * The HTTP API of one process: its connections, its server, where it listens. Refuses to be
 * reached from other machines as long as nobody needs a token.
 */

import { isIPv6 } from "node:net";
import pg from "pg";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Catalog } from "../core/catalog.ts";
import type { ParsedCrontab } from "../core/crontab.ts";
import { TaskrunError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { taskrunVersion } from "../runtime/version.ts";
import { endPool } from "../store/pools.ts";
import { schemasFor } from "../store/schemas.ts";
import { createFastify } from "./create-fastify.ts";
import { EventHub } from "./event-hub.ts";
import { Gatekeeper } from "./gatekeeper.ts";
import { isLoopback } from "./loopback.ts";
import { Readiness } from "./readiness.ts";
import { allRoutes, ownRoutes } from "./routes/all-routes.ts";
import { SignIn } from "./sign-in.ts";
import { TrustedProxies } from "./trusted-proxies.ts";
import { UiFiles } from "./ui-files.ts";

type HttpOption = "httpHost" | "httpPrefix" | "httpTrustProxy" | "httpCorsOrigins";

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
}

const noCrontab: ParsedCrontab = { text: "", items: [], failures: [] };

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

const connections = 5;
const closeWithinMs = 5_000;

/**
 * The database must be migrated.
 *
 * @throws TaskrunError `bad-config` when the host or the port can't be listened on
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { config, port } = options;
  const { httpHost: host } = config;
  const parts = createParts(options);
  const { server, readiness, db, gatekeeper, signIn } = parts;
  const close = async (): Promise<void> => {
    const late = setTimeout(() => server.server.closeAllConnections(), closeWithinMs);
    await server.close();
    clearTimeout(late);
    readiness.stop();
    await endPool(db);
  };
  try {
    const needsToken = await gatekeeper.isClosed();
    if (!needsToken && !isLoopback(host)) throw notSafe(host);
    readiness.start();
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
  const { config, connectionString, logger, catalog } = options;
  const schemas = schemasFor(config.schema);
  const db = createPool(connectionString, logger);
  const shared = { db, schemas, logger };
  const gatekeeper = new Gatekeeper(shared);
  const signIn = new SignIn({ ...shared, gatekeeper });
  const readiness = new Readiness(db);
  const crontab = options.crontab ?? (() => noCrontab);
  const server = createFastify({
    routes: [...allRoutes, ...ownRoutes],
    api: { db, schemas, catalog, crontab, gate: gatekeeper, signIn },
    gate: gatekeeper,
    readiness,
    events: new EventHub(shared),
    ui: new UiFiles(),
    logger,
    version: taskrunVersion,
    corsOrigins: config.httpCorsOrigins,
    prefix: config.httpPrefix,
    proxies: new TrustedProxies(config.httpTrustProxy),
  });
  return { db, gatekeeper, signIn, readiness, server };
}

function createPool(connectionString: string, logger: Logger): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max: connections,
    application_name: "taskrun http",
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    statement_timeout: 30_000,
  });
  const onError = (err: Error): void => logger.debug({ err }, "lost an idle connection");
  pool.on("error", onError);
  pool.on("connect", (client) => client.on("error", onError));
  return pool;
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
