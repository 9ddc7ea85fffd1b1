/** What the API is made of, and how it sees a request of Fastify's. */

import type { FastifyRequest } from "fastify";
import type { Logger } from "../core/logger.ts";
import type { EnqueueRate } from "./enqueue-rate.ts";
import type { EventHub } from "./event-hub.ts";
import type { Gate, Knock } from "./gate.ts";
import type { ApiParts, HttpRoute } from "./http-route.ts";
import type { Metrics } from "./metrics.ts";
import type { Readiness } from "./readiness.ts";
import type { UiFiles } from "./ui-files.ts";

export interface ApiOptions {
  readonly routes: readonly HttpRoute[];
  readonly api: ApiParts;
  readonly gate: Gate;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly events: EventHub;
  readonly enqueueRate: EnqueueRate;
  readonly ui: UiFiles;
  readonly logger: Logger;
  /** taskrun's. */
  readonly version: string;
  /** Of pages elsewhere that may ask. */
  readonly corsOrigins: readonly string[];
  /** Whether the server is for the API alone. Default false. */
  readonly isOwnServer?: boolean;
  /** The path that callers see before ours: "" or "/jobs". */
  readonly prefixOf: (request: FastifyRequest) => string;
}

/** What the gate looks at. */
export function knockOf(request: FastifyRequest): Knock {
  const [, query = ""] = request.url.split(/\?(.*)/s);
  const { method, headers, ip: address, host } = request;
  return { method, headers, address, query, host, request };
}
