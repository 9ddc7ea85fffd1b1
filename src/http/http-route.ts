/**
 * One call of the API as a value: its address, who may make it, what it takes, and what answers
 * it. Owns the checking of what was sent; `create-fastify` puts the routes behind a server.
 */

import type pg from "pg";
import { z } from "zod";
import type { Catalog } from "../core/catalog.ts";
import type { ParsedCrontab } from "../core/crontab.ts";
import type { Schemas } from "../store/schemas.ts";
import type { TokenScope } from "../store/tokens.ts";
import type { Caller, Gate, Knock } from "./gate.ts";
import { HttpError } from "./http-error.ts";
import { parseInput } from "./parse-input.ts";
import type { SignIn } from "./sign-in.ts";

/** What the routes work on. */
export interface ApiParts {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  /** The tasks that are known here at this moment. */
  readonly catalog: () => Catalog;
  /** The lines of the crontab that are known here at this moment. */
  readonly crontab: () => ParsedCrontab;
  readonly gate: Gate;
  /** Null where another application says who asks. */
  readonly signIn: SignIn | null;
}

export interface Answer<Data> {
  readonly data: Data;
  /** Members beside `data`, as the route's `more` has them. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request as it came. */
export interface Asked {
  readonly caller: Caller;
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
  readonly knock: Knock;
  /** Where the API is, as the caller sees it. */
  readonly place: {
    /** "" or "/jobs" */
    readonly prefix: string;
    /** Whether the caller speaks TLS. */
    readonly isSecure: boolean;
  };
}

/** A request that has been checked. */
export interface Checked<Query, Body> extends Pick<Asked, "caller" | "knock" | "place"> {
  /** The job's in the path; "" for a path without. */
  readonly id: string;
  /** The texts in the path, by their names. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
}

/** What is told of a call. */
interface RouteFacts {
  readonly method: "GET" | "POST" | "DELETE";
  /** ":id" is a job's; other names are texts. */
  readonly path: string;
  /** What a token needs; "any": to be in use, "none": no token is needed. */
  readonly scope: TokenScope | "any" | "none";
  /** One sentence for the reference, without a full stop. */
  readonly summary: string;
  /** Of a call that went well; 303 has no body. Default 200. */
  readonly status?: 200 | 201 | 303;
  /** Whether it knows an Idempotency-Key. Default false. */
  readonly isIdempotent?: boolean;
  /** Whether all who may ask get the same, so that one answer does for many. Default false. */
  readonly isShared?: boolean;
}

export interface RouteSpec<Query extends z.ZodType, Body extends z.ZodType, Data extends z.ZodType>
  extends RouteFacts {
  /** Default: no parameters. */
  readonly query?: Query;
  /** Default: no body, or an empty object. */
  readonly body?: Body;
  /** What is answered; the compiler holds `answer` to it, and it is what the document says. */
  readonly data: Data;
  /** Members beside `data`. */
  readonly more?: Readonly<Record<string, z.ZodType>>;
  readonly answer: (
    request: Checked<z.output<Query>, z.output<Body>>,
    api: ApiParts,
  ) => Promise<Answer<z.input<Data>>>;
}

export interface HttpRoute extends Required<RouteFacts> {
  readonly query: z.ZodType;
  readonly body: z.ZodType;
  readonly data: z.ZodType;
  readonly more: Readonly<Record<string, z.ZodType>>;
  readonly answer: (asked: Asked, api: ApiParts) => Promise<Answer<unknown>>;
}

const nothing = z.strictObject({});

export function httpRoute<
  Data extends z.ZodType,
  Query extends z.ZodType = typeof nothing,
  Body extends z.ZodType = typeof nothing,
>(spec: RouteSpec<Query, Body, Data>): HttpRoute {
  const { method, path, scope, summary, status = 200, data, more = {} } = spec;
  const { isIdempotent = false, isShared = false } = spec;
  // why: without a schema of its own the route's type parameter is that of `nothing`
  const query = (spec.query ?? nothing) as Query;
  const body = (spec.body ?? nothing) as Body; // why: as for the query
  return {
    ...{ method, path, scope, summary, status, isIdempotent, isShared },
    ...{ query, body, data, more },
    answer: async ({ caller, params, knock, place, ...sent }, api) =>
      spec.answer(
        {
          ...{ caller, knock, place },
          id: idFrom(params.id),
          params,
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
