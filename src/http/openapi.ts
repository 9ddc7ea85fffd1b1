/**
 * The OpenAPI document: made of the routes and of the schemas that they check and answer by, so
 * that it can't say anything else than they do.
 */

import { z } from "zod";
import { eventsQuery } from "./add-events.ts";
import type { HttpRoute } from "./http-route.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly security: readonly object[];
  readonly parameters: readonly OpenApiParameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content } | undefined;
  readonly responses: Readonly<Record<string, { description: string; content?: Content }>>;
}

export interface OpenApiParameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;
type Methods = Readonly<Record<string, OpenApiOperation>>;

export interface OpenApiDocument {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Methods>>;
  readonly components: object;
}

const problem = z.object({
  success: z.literal(false),
  error: z
    .object({
      type: z.string().describe("urn:taskrun:error: and the code"),
      title: z.string(),
      status: z.number(),
      detail: z.string().describe("What is wrong, for people"),
      instance: z.string().describe("The path that was asked for"),
      code: z.string().describe("For programs to decide on"),
      next_step: z.string().optional(),
      issues: z
        .array(z.object({ path: z.string(), message: z.string() }))
        .optional()
        .describe("Each thing that is wrong with what was sent"),
    })
    .describe("The members of RFC 9457, and three more"),
});

const check = z.object({ ok: z.boolean() });

const readiness = z.object({
  success: z.boolean(),
  data: z.object({
    ready: z.boolean(),
    checks: z.object({
      database: check.extend({ answered_ms: z.number().nullable() }),
      pool: check.extend({ waiting: z.number(), max: z.number() }),
      event_loop: check.extend({ worst_lag_ms: z.number() }),
    }),
  }),
});

/** `url` is where the API is, relative to the host: "/" or "/jobs". */
export function openApiDocument(
  routes: readonly HttpRoute[],
  { version, url }: { readonly version: string; readonly url: string },
): OpenApiDocument {
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = operationOf(route);
  }
  const description =
    "Tasks in the background: create them, look at them, operate them. As long as there is no " +
    "token, none is needed, and only the machine itself may ask.";
  return {
    openapi: "3.1.0",
    info: { title: "taskrun", version, description },
    servers: [{ url }],
    paths: { ...paths, ...plainPaths },
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "Made by `taskrun token create`" },
        session: { type: "apiKey", in: "cookie", name: "taskrun_session" },
      },
      schemas: { Problem: jsonSchema(problem) },
    },
  };
}

const guarded = [{ token: [] }, { session: [] }];
const refused = {
  description: "It was refused, or went wrong",
  content: json({ $ref: "#/components/schemas/Problem" }),
};

function operationOf(route: HttpRoute): OpenApiOperation {
  const { method, path, scope, summary, status } = route;
  const needs = { any: "Needs a token.", none: "Needs no token." };
  const body = bodyOf(route.body);
  const answer = z.object({ success: z.literal(true), data: route.data, ...route.more });
  return {
    operationId: operationId(method, path),
    summary,
    description:
      scope === "any" || scope === "none" ? needs[scope] : `Needs the scope \`${scope}\`.`,
    tags: [path.split("/")[1] ?? ""],
    security: scope === "none" ? [] : guarded,
    parameters: [...inPath(path), ...inQuery(route.query), ...headersOf(route)],
    ...(method !== "POST" || body === undefined ? {} : { requestBody: body }),
    responses: {
      [status]:
        status === 303
          ? { description: "Go on at the dashboard" }
          : { description: "It went well", content: json(jsonSchema(answer)) },
      default: refused,
    },
  };
}

/** "POST /tasks/:id/run-now" → "postTasksIdRunNow" */
function operationId(method: string, path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const tail = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${method.toLowerCase()}${tail.join("")}`;
}

function inPath(path: string): OpenApiParameter[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => {
    return { name, in: "path", required: true, schema: { type: "string" } };
  });
}

function inQuery(query: z.ZodType): OpenApiParameter[] {
  // why: JSON Schema has these two members, if any
  const { properties = {}, required = [] } = jsonSchema(query) as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => {
    return { name, in: "query", required: required.includes(name), schema };
  });
}

function headersOf({ isIdempotent }: HttpRoute): OpenApiParameter[] {
  if (!isIdempotent) return [];
  const description = "The same key with the same body has the same answer, for a day";
  const schema = { type: "string", minLength: 1, maxLength: 255 };
  return [{ name: "Idempotency-Key", in: "header", required: false, description, schema }];
}

/** Undefined where there is nothing to send. */
function bodyOf(body: z.ZodType): OpenApiOperation["requestBody"] {
  const schema = jsonSchema(body);
  if (Object.keys(schema.properties ?? {}).length === 0) return undefined;
  return { required: !body.safeParse({}).success, content: json(schema) };
}

function json(schema: JsonSchema): Content {
  return { "application/json": { schema } };
}

function jsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override({ zodSchema, jsonSchema: made }) {
      if (zodSchema._zod.def.type !== "date") return;
      made.type = "string";
      made.format = "date-time";
    },
  });
  return rest;
}

function plainGet(
  summary: string,
  facts: Partial<OpenApiOperation> & Pick<OpenApiOperation, "operationId" | "responses">,
): Methods {
  const get = {
    description: "Needs no token.",
    tags: ["server"],
    security: [],
    parameters: [],
    ...facts,
    summary,
  };
  return { get };
}

const live = z.object({ success: z.literal(true), data: z.object({ live: z.literal(true) }) });
const text = (type: string): Content => ({ [type]: { schema: { type: "string" } } });
const reads = { description: "Needs the scope `read`.", security: guarded };

/** What doesn't answer in the envelope, or isn't made of a route. */
const plainPaths: Readonly<Record<string, Methods>> = {
  "/events": plainGet("Be told of changes and progress, as server-sent events", {
    ...reads,
    operationId: "getEvents",
    parameters: inQuery(eventsQuery),
    responses: {
      200: { description: "A stream", content: text("text/event-stream") },
      default: refused,
    },
  }),
  "/healthz": plainGet("Say that the process lives", {
    operationId: "getHealthz",
    responses: { 200: { description: "It does", content: json(jsonSchema(live)) } },
  }),
  "/metrics": plainGet("Read what Prometheus reads", {
    ...reads,
    operationId: "getMetrics",
    responses: { 200: { description: "Metrics", content: text("text/plain") }, default: refused },
  }),
  "/readyz": plainGet("Say whether requests can be answered now", {
    operationId: "getReadyz",
    responses: {
      200: { description: "They can", content: json(jsonSchema(readiness)) },
      503: { description: "They can't", content: json(jsonSchema(readiness)) },
    },
  }),
};
