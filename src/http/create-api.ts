/** Makes what the API works with: its connections, who watches, what is measured. */

import pg from "pg";
import type { Catalog } from "../core/catalog.ts";
import type { ParsedCrontab } from "../core/crontab.ts";
import type { RuntimeEvents } from "../core/events.ts";
import type { Logger } from "../core/logger.ts";
import { taskrunVersion } from "../runtime/version.ts";
import { endPool } from "../store/pools.ts";
import { type Schemas, schemasFor } from "../store/schemas.ts";
import type { ApiOptions } from "./api-options.ts";
import { EnqueueRate } from "./enqueue-rate.ts";
import { EventHub } from "./event-hub.ts";
import type { Gate } from "./gate.ts";
import type { HttpRoute } from "./http-route.ts";
import { Metrics } from "./metrics.ts";
import { Readiness } from "./readiness.ts";
import type { SignIn } from "./sign-in.ts";
import { UiFiles } from "./ui-files.ts";

export interface ApiSource {
  readonly connectionString: string;
  /** graphile-worker's. */
  readonly schema: string;
  readonly logger: Logger;
  /** The tasks that are known here at this moment. */
  readonly catalog: () => Catalog;
  /** The lines of the crontab that are known here at this moment. Default: none. */
  readonly crontab?: (() => ParsedCrontab) | undefined;
  /** Of the attempts that run in this process, to be counted. */
  readonly events?: RuntimeEvents | undefined;
  readonly corsOrigins: readonly string[];
  /** Tasks that each caller may create in a minute; null = as many as they like. */
  readonly enqueueRate: number | null;
}

/** Who is let in, and by which routes. */
export interface Entrance {
  readonly gate: Gate;
  /** Null where another application says who asks. */
  readonly signIn: SignIn | null;
  readonly routes: readonly HttpRoute[];
}

export interface Api {
  readonly options: Omit<ApiOptions, "prefixOf">;
  start(): void;
  close(): Promise<void>;
}

const connections = 5;
const noCrontab: ParsedCrontab = { text: "", items: [], failures: [] };

export function createApi<E extends Entrance>(
  source: ApiSource,
  entranceFor: (shared: { db: pg.Pool; schemas: Schemas; logger: Logger }) => E,
): Api & { readonly entrance: E } {
  const { logger, catalog, crontab = () => noCrontab, corsOrigins } = source;
  const schemas = schemasFor(source.schema);
  const db = createPool(source.connectionString, logger);
  const shared = { db, schemas, logger };
  const entrance = entranceFor(shared);
  const { gate, signIn, routes } = entrance;
  const readiness = new Readiness(db);
  const metrics = new Metrics({ db, schemas, readiness, events: source.events });
  const options = {
    ...{ routes, gate, readiness, metrics, logger, corsOrigins },
    api: { db, schemas, catalog, crontab, gate, signIn },
    events: new EventHub(shared),
    enqueueRate: new EnqueueRate({ perMinute: source.enqueueRate }),
    ui: new UiFiles(),
    version: taskrunVersion,
  };
  return {
    options,
    entrance,
    start: () => readiness.start(),
    async close() {
      metrics.stop();
      readiness.stop();
      await options.events.stop();
      await endPool(db);
    },
  };
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
