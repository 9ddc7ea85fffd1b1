/**
 * Holds every answer to the OpenAPI document: the status must be a known one, and the body what
 * the document says, with no field more.
 */

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { openApiDocument } from "../../src/http/openapi.ts";
import { allRoutes, ownRoutes } from "../../src/http/routes/all-routes.ts";

export const openApi = openApiDocument([...allRoutes, ...ownRoutes], { version: "0", url: "/" });

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
const checks = new Map<object, ValidateFunction>();

export interface Answered {
  readonly method: string;
  /** With the query, beneath no prefix. */
  readonly path: string;
  readonly status: number;
  readonly body: unknown;
}

/** Throws for an answer that the document doesn't have; a call that it doesn't know is refused. */
export function checkAnswer({ method, path, status, body }: Answered): void {
  const operation = operationFor(method, path);
  const said = operation?.responses[status] ?? (status >= 400 ? problem : undefined);
  if (said === undefined)
    throw new Error(`${method} ${path} answered ${status}, of which nothing is said`);
  const schema = said.content?.["application/json"]?.schema;
  if (schema === undefined) return;
  const isRight = checks.get(schema) ?? ajv.compile(closed(schema));
  checks.set(schema, isRight);
  if (isRight(body)) return;
  throw new Error(
    `${method} ${path} answered what the document doesn't say: ${ajv.errorsText(isRight.errors)}\n${JSON.stringify(body)}`,
  );
}

const problem = {
  description: "",
  // why: the document's own shape of a problem
  content: {
    "application/json": {
      schema: (openApi.components as { schemas: { Problem: object } }).schemas.Problem,
    },
  },
} as { content?: Record<string, { schema: Record<string, unknown> }> };

function operationFor(method: string, path: string) {
  const [plain = ""] = path.split("?");
  const found = Object.keys(openApi.paths)
    .filter((template) => new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(plain))
    // The one with fewer names in it is the router's choice.
    .sort((a, b) => a.split("{").length - b.split("{").length)[0];
  return found === undefined ? undefined : openApi.paths[found]?.[method.toLowerCase()];
}

/** With no room for fields that the document doesn't name. */
function closed(schema: unknown): Record<string, unknown> {
  if (typeof schema !== "object" || schema === null) return schema as never;
  if (Array.isArray(schema)) return schema.map(closed) as never;
  const inner = Object.fromEntries(
    Object.entries(schema).map(([key, each]) => [key, closed(each)]),
  );
  const isShape = "properties" in inner && !("additionalProperties" in inner);
  return isShape ? { ...inner, additionalProperties: false } : inner;
}
