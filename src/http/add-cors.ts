/**
 * Lets pages of the origins that the configuration names ask from a browser, with a token and
 * never with a cookie. Without any, no answer has a header of CORS.
 */

import type { FastifyInstance } from "fastify";

const preflight = {
  "access-control-allow-methods": "GET, POST, DELETE",
  "access-control-allow-headers": "authorization, content-type, idempotency-key, last-event-id",
  "access-control-max-age": "600",
};

export function addCors(server: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  server.addHook("onRequest", async (request, reply) => {
    const { origin } = request.headers;
    reply.header("vary", "origin");
    if (origin === undefined || !origins.includes(origin)) return;
    reply.header("access-control-allow-origin", origin);
    reply.header("access-control-expose-headers", "location, retry-after");
    // A browser asks beforehand, without the token.
    if (request.method === "OPTIONS") await reply.headers(preflight).code(204).send();
  });
}
