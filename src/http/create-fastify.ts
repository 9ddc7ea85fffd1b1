/**
 * The routes behind a server: limits, who is let in, one shape of answers. What a route does is
 * its own; where the server listens is `start-http-server`'s.
 */

import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "../core/logger.ts";
import { type Caller, checkScope, type Gatekeeper } from "./gatekeeper.ts";
import { HttpError } from "./http-error.ts";
import type { ApiParts, HttpRoute } from "./http-route.ts";
import { httpErrorFrom, problemBody } from "./problem.ts";
import type { Readiness } from "./readiness.ts";

export interface FastifyOptions {
  readonly routes: readonly HttpRoute[];
  readonly api: ApiParts;
  readonly gatekeeper: Pick<Gatekeeper, "admit">;
  readonly readiness: Readiness;
  readonly logger: Logger;
}

const largestBodyBytes = 1_048_576;

/** Against clients that send slowly, or nothing. */
const timeouts = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};

const safeHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

export function createFastify(options: FastifyOptions): FastifyInstance {
  const { logger, readiness } = options;
  const server = fastify({
    logger: false,
    bodyLimit: largestBodyBytes,
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
  server.removeContentTypeParser("text/plain");
  acceptEmptyJson(server);
  let isClosing = false;
  server.addHook("preClose", async () => {
    isClosing = true;
  });
  server.addHook("onSend", async (_, reply) => {
    reply.headers(safeHeaders);
    // Else a client would keep the connection, and the stop would wait for it.
    if (isClosing) reply.header("connection", "close");
  });
  server.setErrorHandler((error, request, reply) => refuse(error, { request, reply, logger }));
  server.get("/healthz", async () => ({ success: true, data: { live: true } }));
  server.get("/readyz", async (_, reply) => {
    const report = await readiness.look();
    return reply.code(report.ready ? 200 : 503).send({ success: report.ready, data: report });
  });
  // In a room of its own, so that the two above are asked by anybody.
  server.register(async (guarded) => addGuarded(guarded, options));
  return server;
}

function addGuarded(
  server: FastifyInstance,
  { routes, api, gatekeeper, logger }: FastifyOptions,
): void {
  server.decorateRequest("caller");
  server.addHook("onRequest", async (request) => {
    const [, query = ""] = request.url.split(/\?(.*)/s);
    const { headers, ip: address } = request;
    request.setDecorator("caller", await gatekeeper.admit({ headers, address, query }));
  });
  server.addHook("onResponse", async (request, { statusCode: status, elapsedTime }) => {
    const [path] = request.url.split("?");
    const { name = null } = request.getDecorator<Caller | undefined>("caller") ?? {};
    const ms = Math.round(elapsedTime);
    logger.debug({ method: request.method, path, status, ms, token: name }, "answered");
  });
  for (const route of routes) {
    server.route({
      method: route.method,
      url: route.path,
      onRequest: async (request) => checkScope(request.getDecorator("caller"), route.scope),
      handler: async (request, reply) => {
        const { query, body, headers } = request;
        // why: the router makes an object of texts of the names in the path
        const params = request.params as Readonly<Record<string, string>>;
        const caller = request.getDecorator<Caller>("caller");
        const answer = await route.answer({ caller, params, query, body, headers }, api);
        reply.code(route.status).headers(answer.headers ?? {});
        return { success: true, data: answer.data, ...answer.more };
      },
    });
  }
  server.setNotFoundHandler(async (request) => {
    const [path] = request.url.split("?");
    throw new HttpError(404, "no-such-route", `There is no ${request.method} ${path}.`);
  });
}

/** A call without a body may come with the header of one. */
function acceptEmptyJson(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser("error", "error");
  server.removeContentTypeParser("application/json");
  server.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else parse(request, String(body), done);
  });
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly logger: Logger;
}

function refuse(error: unknown, { request, reply, logger }: Exchange): void {
  const [path = "/"] = request.url.split("?");
  const told = httpErrorFrom(error);
  if (told === null || told.status >= 500) {
    logger.error({ err: error, method: request.method, path }, "a request failed");
  }
  const refusal =
    told ?? new HttpError(500, "internal", "taskrun itself failed; its log says how.");
  void reply.code(refusal.status).headers(refusal.headers).send(problemBody(refusal, path));
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
