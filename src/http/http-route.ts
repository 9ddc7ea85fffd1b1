/**
 * One call of the API as a value: its address, who may make it, what it takes, and what answers
 * it. Owns the checking of what was sent; `create-fastify` puts the routes behind a server.
 */

import type pg from "pg";
import { z } from "zod";
import type { Catalog } from "../core/catalog.ts";
import type { Schemas } from "../store/schemas.ts";
import type { TokenScope } from "../store/tokens.ts";
import type { Caller } from "./gatekeeper.ts";
import { HttpError } from "./http-error.ts";
import { parseInput } from "./parse-input.ts";

/** What the routes work on. */
export interface ApiParts {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  /** The tasks that are known here at this moment. */
  readonly catalog: () => Catalog;
}

export interface Answer {
  /** Default 200. */
  readonly status?: number;
  readonly data: unknown;
  /** Members beside `data`. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request as it came. */
export interface Asked {
  readonly caller: Caller;
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
}

/** A request that has been checked. */
export interface Checked<Query, Body> {
  readonly caller: Caller;
  /** The one in the path; "" for a path without. */
  readonly id: string;
  readonly query: Query;
  readonly body: Body;
}

export interface RouteSpec<Query extends z.ZodType, Body extends z.ZodType> {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly scope: TokenScope;
  /** Default: no parameters. */
  readonly query?: Query;
  /** Default: no body, or an empty object. */
  readonly body?: Body;
  readonly answer: (
    request: Checked<z.output<Query>, z.output<Body>>,
    api: ApiParts,
  ) => Promise<Answer>;
}

export interface HttpRoute {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly scope: TokenScope;
  readonly answer: (asked: Asked, api: ApiParts) => Promise<Answer>;
}

const nothing = z.strictObject({});

export function httpRoute<
  Query extends z.ZodType = typeof nothing,
  Body extends z.ZodType = typeof nothing,
>(spec: RouteSpec<Query, Body>): HttpRoute {
  const { method, path, scope } = spec;
  // why: without a schema of its own the route's type parameter is that of `nothing`
  const query = (spec.query ?? nothing) as Query;
  const body = (spec.body ?? nothing) as Body; // why: as for the query
  return {
    method,
    path,
    scope,
    answer: async ({ caller, params, ...sent }, api) =>
      spec.answer(
        {
          caller,
          id: idFrom(params.id),
          query: parseInput(query, sent.query, "query"),
          body: parseInput(body, sent.body ?? {}, "body"),
        },
        api,
      ),
  };
}

/** Ids are the queue's: decimal numbers below 2^63, as strings. */
export const jobId = z.string().regex(/^\d{1,18}$/, { error: "expected the id of a job" });

function idFrom(text: string | undefined): string {
  if (text === undefined || jobId.safeParse(text).success) return text ?? "";
  throw new HttpError(404, "job-not-found", `There is no task with the id ${text}.`, {
    nextStep: 'Ids are numbers, as POST /tasks returned them: "17".',
  });
}
