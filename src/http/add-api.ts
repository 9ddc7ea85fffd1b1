/**
 * Puts the API into a server of Fastify's: who is let in, one shape of answers, health, the
 * dashboard. What a route does is its own; the server and its limits are whose it is: ours
 * (`create-fastify`) or an application's (`taskrun-http`).
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "../core/logger.ts";
import { deepestPayload } from "../core/payload-json.ts";
import { addCors } from "./add-cors.ts";
import { addEvents } from "./add-events.ts";
import { addReference } from "./add-reference.ts";
import { addRoot, addUi } from "./add-ui.ts";
import { type ApiOptions, knockOf } from "./api-options.ts";
import { type Caller, checkScope } from "./gate.ts";
import { HttpError } from "./http-error.ts";
import type { Answer, ApiParts, Asked, HttpRoute } from "./http-route.ts";
import { httpErrorFrom, problemBody } from "./problem.ts";
import { questionKey, SharedAnswers } from "./shared-answers.ts";
import { tooDeepAt } from "./too-deep-at.ts";

const largestBodyBytes = 1_048_576;

const safeHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

export function addApi(server: FastifyInstance, options: ApiOptions): void {
  const { logger, readiness, events } = options;
  server.removeContentTypeParser("text/plain");
  acceptEmptyJson(server);
  let isClosing = false;
  server.addHook("preClose", async () => {
    isClosing = true;
    await events.stop();
  });
  server.addHook("onSend", async (_, reply) => {
    for (const [name, value] of Object.entries(safeHeaders)) {
      if (!reply.hasHeader(name)) reply.header(name, value);
    }
    // Else a client would keep the connection, and the stop would wait for it.
    if (isClosing) reply.header("connection", "close");
  });
  server.setErrorHandler((error, request, reply) => refuse(error, { request, reply, logger }));
  server.get("/healthz", async () => ({ success: true, data: { live: true } }));
  server.get("/readyz", async (_, reply) => {
    const report = await readiness.look();
    return reply.code(report.ready ? 200 : 503).send({ success: report.ready, data: report });
  });
  addCors(server, options.corsOrigins);
  if (server.prefix !== "" || options.isOwnServer) addRoot(server, options);
  addUi(server, options);
  addReference(server, options);
  // In a room of its own, so that those above are asked by anybody.
  server.register(async (open) => {
    open.decorateRequest("caller");
    addRoutes(open, options, ({ scope }) => scope === "none");
  });
  server.register(async (guarded) => addGuarded(guarded, options));
}

function addGuarded(server: FastifyInstance, options: ApiOptions): void {
  const { gate, logger, metrics } = options;
  server.decorateRequest("caller");
  server.addHook("onRequest", async (request) => {
    request.setDecorator("caller", await gate.admit(knockOf(request)));
  });
  server.addHook("onResponse", async (request, { statusCode: status, elapsedTime }) => {
    const [path] = request.url.split("?");
    const { name = null } = request.getDecorator<Caller | undefined>("caller") ?? {};
    const ms = Math.round(elapsedTime);
    logger.debug({ method: request.method, path, status, ms, token: name }, "answered");
  });
  addRoutes(server, options, ({ scope }) => scope !== "none");
  addEvents(server, options);
  server.get("/metrics", async (request, reply) => {
    checkScope(request.getDecorator("caller"), "read");
    return reply.type(metrics.contentType).send(await metrics.text());
  });
  // Inside an application, what is at its root is the application's.
  if (server.prefix === "" && !options.isOwnServer) return;
  server.setNotFoundHandler(async (request) => {
    const [path] = request.url.split("?");
    throw new HttpError(404, "no-such-route", `There is no ${request.method} ${path}.`);
  });
}

function addRoutes(
  server: FastifyInstance,
  options: ApiOptions,
  isMeant: (route: HttpRoute) => boolean,
): void {
  const shared: Shared = new SharedAnswers();
  for (const route of options.routes.filter(isMeant))
    addRoute(server, route, { ...options, shared });
}

type Shared = SharedAnswers<Answer<unknown>>;

/** As it is kept for all who ask the same; what changes something makes all of it out of date. */
async function answered(
  route: HttpRoute,
  asked: Asked,
  { api, shared }: { readonly api: ApiParts; readonly shared: Shared },
): Promise<Answer<unknown>> {
  if (route.isShared) {
    const key = questionKey(route.path, asked.query, Date.now());
    return shared.answer(key, () => route.answer(asked, api));
  }
  try {
    return await route.answer(asked, api);
  } finally {
    if (route.method !== "GET") shared.clear();
  }
}

function addRoute(
  server: FastifyInstance,
  route: HttpRoute,
  { shared, ...options }: ApiOptions & { readonly shared: Shared },
): void {
  const { scope } = route;
  server.route({
    method: route.method,
    url: route.path,
    bodyLimit: largestBodyBytes,
    // What opens only once must not be used up by who only looks whether it is there.
    exposeHeadRoute: route.status !== 303,
    onRequest: async (request) => {
      refuseNul(request.url);
      if (scope === "none" || scope === "any") return;
      const caller = request.getDecorator<Caller>("caller");
      checkScope(caller, scope);
      if (scope === "enqueue") options.enqueueRate.take(caller.name);
    },
    handler: async (request, reply) => {
      const { query, body } = request;
      // why: the router makes an object of texts of the names in the path
      const params = request.params as Readonly<Record<string, string>>;
      const caller = request.getDecorator<Caller | undefined>("caller") ?? nobody;
      const place = placeOf(request, options);
      const asked = { caller, params, query, body, knock: knockOf(request), place };
      const answer = await answered(route, asked, { api: options.api, shared });
      reply.code(route.status).headers(answer.headers ?? {});
      if (route.status === 303) return reply.send();
      return { success: true, data: answer.data, ...answer.more };
    },
  });
}

/** No text in Postgres has one. */
function refuseNul(url: string): void {
  if (url.includes("%00")) throw new HttpError(400, "bad-request", "The address has a NUL (%00).");
}

const nobody: Caller = { name: null, scopes: [] };

/** Where the API is, as the caller sees it. */
function placeOf(request: FastifyRequest, { prefixOf }: Pick<ApiOptions, "prefixOf">) {
  return { prefix: prefixOf(request), isSecure: request.protocol === "https" };
}

/** A call without a body may come with the header of one. */
function acceptEmptyJson(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser("error", "error");
  server.removeContentTypeParser("application/json");
  server.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    const text = String(body);
    const place = tooDeepAt(text, deepestBody);
    if (place !== null) done(tooDeep(place));
    else if (text === "") done(null, undefined);
    else parse(request, text, done);
  });
}

/** What walks through a body may go that deep; a payload is one member of it. */
const deepestBody = deepestPayload + 1;

function tooDeep(place: number): HttpError {
  const what = `The body is nested deeper than ${deepestBody} levels, at character ${place + 1}.`;
  return new HttpError(422, "body-too-deep", what);
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly logger: Logger;
}

/** Answers any error in the one shape. */
export function refuse(error: unknown, { request, reply, logger }: Exchange): void {
  const [path = "/"] = request.url.split("?");
  const told = httpErrorFrom(error);
  if (told === null || told.status >= 500) {
    logger.error({ err: error, method: request.method, path }, "a request failed");
  }
  const refusal =
    told ?? new HttpError(500, "internal", "taskrun itself failed; its log says how.");
  void reply.code(refusal.status).headers(refusal.headers).send(problemBody(refusal, path));
}
