/**
 * The API and the dashboard inside an application of one's own: as a plugin of Fastify's, and as a
 * function from a Request to a Response for everything else. The application says who asks.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { FastifyInstance, FastifyRequest, LightMyRequestResponse } from "fastify";
import { pino } from "pino";
import type { Logger } from "../core/logger.ts";
import { addApi } from "./add-api.ts";
import { createApi } from "./create-api.ts";
import { createFastify } from "./create-fastify.ts";
import { type Authorize, HostGate } from "./host-gate.ts";
import { HttpError } from "./http-error.ts";
import { problemBody } from "./problem.ts";
import { allRoutes } from "./routes/all-routes.ts";
import { TrustedProxies } from "./trusted-proxies.ts";

export interface EmbeddedOptions<Request> {
  /** Postgres URL of the jobs. The database must be up to date: `taskrun migrate`. */
  readonly connection: string;
  /** Who asks; null refuses them with 401. Called for every request but those for files. */
  readonly authorize: Authorize<Request>;
  /** Database schema of the queue. Default "graphile_worker". */
  readonly schema?: string;
  /** Default: warnings and errors, as JSON on standard output. */
  readonly logger?: Logger;
}

/** For `fastify.register(taskrunHttp, { prefix: "/jobs", connection, authorize })`. */
export async function taskrunHttp(
  server: FastifyInstance,
  options: EmbeddedOptions<FastifyRequest>,
): Promise<void> {
  const api = embeddedApi(options, options.authorize);
  api.start();
  server.addHook("onClose", () => api.close());
  addApi(server, { ...api.options, prefixOf: () => server.prefix });
}

export interface TaskrunHandler {
  /** Answers one request; of a stream of events when it has begun. */
  (request: Request): Promise<Response>;
  /**
   * For Express and for Node's own server, before whatever reads bodies:
   * `app.use("/jobs", handle.listener)`.
   */
  listener(request: IncomingMessage, response: ServerResponse): void;
  /** Ends the streams and the connections to the database. */
  close(): Promise<void>;
}

export interface HandlerOptions extends EmbeddedOptions<Request> {
  /** The path that requests come with before the API's: "/jobs". Default: none. */
  readonly prefix?: string;
}

/** For Hono, Next, Bun and whatever else speaks fetch. */
export function createTaskrunHandler(options: HandlerOptions): TaskrunHandler {
  const { authorize, prefix = "" } = options;
  const requests = new AsyncLocalStorage<Request>();
  const webRequests = new WeakMap<FastifyRequest, Request>();
  const api = embeddedApi(options, (request) => {
    // Asked again later, it is asked outside of the request.
    const asked = webRequests.get(request) ?? requests.getStore();
    if (asked === undefined) return null;
    webRequests.set(request, asked);
    return authorize(asked);
  });
  const server = createFastify({ ...api.options, prefix, proxies: new TrustedProxies([]) });
  api.start();
  const handle = (request: Request) =>
    requests.run(request, async () => responseFrom(await inject(server, request)));
  return Object.assign(handle, {
    listener(request: IncomingMessage, response: ServerResponse) {
      // Express takes the path that it has matched off.
      if ("originalUrl" in request) request.url = String(request.originalUrl);
      const asked = requestFrom(request);
      if (asked === null) return refuseUnreadable(response);
      void server.ready().then(() => {
        requests.run(asked, () => server.routing(request, response));
      });
    },
    async close() {
      await server.close();
      await api.close();
    },
  });
}

function embeddedApi<Request>(
  { connection, schema = "graphile_worker", logger }: EmbeddedOptions<Request>,
  authorize: Authorize<FastifyRequest>,
) {
  const source = {
    connectionString: connection,
    schema,
    logger: logger ?? pino({ level: "warn" }),
    catalog: () => ({ tasks: new Map(), failures: [] }),
    corsOrigins: [],
    enqueueRate: null,
  };
  return createApi(source, () => {
    return { gate: new HostGate(authorize), signIn: null, routes: allRoutes };
  });
}

/** For the application's own check: without the body. Null for what no `Request` can be. */
function requestFrom(asked: IncomingMessage): Request | null {
  const { method = "GET", url = "/", headers: given } = asked;
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) {
    for (const one of [value].flat()) if (one !== undefined) headers.append(name, one);
  }
  // A path that begins with "//" would be another host.
  const whole = url.startsWith("/") ? `http://${given.host ?? "localhost"}${url}` : url;
  try {
    return new Request(whole, { method, headers });
  } catch {
    return null;
  }
}

/** Thrown, it would end the process: Node's server has nobody who catches it. */
function refuseUnreadable(response: ServerResponse): void {
  const what = "The method, the Host or the address is not a valid one.";
  const body = JSON.stringify(problemBody(new HttpError(400, "bad-request", what), "*"));
  response.writeHead(400, { "content-type": "application/json" }).end(body);
}

/** One byte more is refused with 413. */
const mostBodyBytes = 1_048_577;

async function inject(server: FastifyInstance, request: Request): Promise<LightMyRequestResponse> {
  const { host, pathname, search } = new URL(request.url);
  const headers = Object.fromEntries(request.headers);
  // What has come is what there is, however it came.
  delete headers["content-length"];
  delete headers["transfer-encoding"];
  const body = await readBody(request);
  return server.inject({
    // why: Fastify answers 404 for a method that it doesn't know
    method: request.method as "GET",
    url: `${pathname}${search}`,
    headers: { host, ...headers },
    ...(body.length === 0 ? {} : { payload: body }),
    payloadAsStream: true,
  });
}

async function readBody({ body }: Request): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    parts.push(part);
    size += part.length;
    if (size >= mostBodyBytes) break;
  }
  return Buffer.concat(parts);
}

function responseFrom(answer: LightMyRequestResponse): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const one of [value].flat()) if (one !== undefined) headers.append(name, String(one));
  }
  const stream = answer.stream();
  // Else nobody would tell the sender that the reader has gone.
  stream.once("close", () => answer.raw.res.destroy());
  const { statusCode: status } = answer;
  const isEmpty = status === 204 || status === 304;
  return new Response(isEmpty ? null : webStream(stream), { status, headers });
}

/** Node's own conversion throws where nobody can catch it, when the reader goes too soon. */
function webStream(stream: Readable): ReadableStream<Uint8Array> {
  const parts = stream[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    cancel: () => void stream.destroy(),
  });
}
