/**
 * A server of our own for the API: limits against clients that send too much, too slowly or no
 * HTTP at all. Where it listens is `start-http-server`'s.
 */

import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import fastify, { type FastifyInstance } from "fastify";
import { addApi, refuse } from "./add-api.ts";
import type { ApiOptions } from "./api-options.ts";
import { HttpError } from "./http-error.ts";
import { problemBody } from "./problem.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";

export interface FastifyOptions extends Omit<ApiOptions, "prefixOf"> {
  /** The path that all of it is beneath: "" or "/jobs". */
  readonly prefix: string;
  readonly proxies: TrustedProxies;
}

const mostConnections = 512;

/** Against clients that send slowly, or nothing. */
const timeouts = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};

export function createFastify(options: FastifyOptions): FastifyInstance {
  const { logger, prefix, proxies } = options;
  const server = fastify({
    logger: false,
    trustProxy: proxies.trusts,
    requestTimeout: timeouts.requestTimeout,
    keepAliveTimeout: timeouts.keepAliveTimeout,
    http: {
      headersTimeout: timeouts.headersTimeout,
      connectionsCheckingInterval: timeouts.connectionsCheckingInterval,
    },
    forceCloseConnections: "idle",
    clientErrorHandler: (error, socket) => refuseMalformed(error, socket),
    frameworkErrors: (error, request, reply) => refuse(error, { request, reply, logger }),
  });
  server.server.maxConnections = mostConnections;
  const prefixOf: ApiOptions["prefixOf"] = (request) => proxies.prefixOf(request) + prefix;
  server.register(async (api) => addApi(api, { ...options, prefixOf, isOwnServer: true }), {
    prefix,
  });
  if (prefix !== "") {
    server.setNotFoundHandler((request, reply) => {
      const what = `Everything is beneath ${prefix}/.`;
      refuse(new HttpError(404, "no-such-route", what), { request, reply, logger });
    });
  }
  return server;
}

/** What isn't even HTTP, or came too slowly. */
function refuseMalformed(error: Error, socket: Duplex): void {
  const code = "code" in error ? error.code : null;
  if (code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const isLate = code === "ERR_HTTP_REQUEST_TIMEOUT";
  const refusal = isLate
    ? new HttpError(408, "too-slow", "The request didn't come in time.")
    : code === "HPE_HEADER_OVERFLOW"
      ? new HttpError(431, "headers-too-large", "The headers are too large.")
      : new HttpError(400, "bad-request", "This is not HTTP.");
  const body = JSON.stringify(problemBody(refusal, "*"));
  socket.end(
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\nConnection: close\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
