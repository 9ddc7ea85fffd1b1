/**
 * The OpenAPI document as a page for people: one piece of HTML without a script, and with nothing
 * from elsewhere. Every text in it is escaped.
 */

import { createHash } from "node:crypto";
import type { JsonSchema, OpenApiDocument, OpenApiOperation } from "./openapi.ts";

const style = `
:root { color-scheme: light dark; --line: #8884; --dim: #777; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
nav ul { columns: 16rem; padding-left: 1rem; list-style: none; }
code, pre { font: 0.9em ui-monospace, monospace; }
section { border-top: 1px solid var(--line); padding: 0.5rem 0 1rem; }
h3 { margin: 0.5rem 0 0; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: 0.2rem 1rem 0.2rem 0; }
td { border-top: 1px solid var(--line); }
pre { background: var(--soft); overflow: auto; padding: 0.5rem; }
.dim { color: var(--dim); }
.method { display: inline-block; min-width: 4.5rem; }
`;

/** No script at all, this style, in nobody's frame. */
export const referencePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

export function referencePage({ info, paths }: OpenApiDocument): string {
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const tags = [...new Set(calls.flatMap(({ operation }) => operation.tags))];
  const groups = tags.map((tag) => {
    const those = calls.filter(({ operation }) => operation.tags.includes(tag));
    return `<h2 id="${escaped(tag)}">${escaped(tag)}</h2>${those.map(section).join("")}`;
  });
  const links = calls.map(({ path, method, operation }) => {
    const name = `${method.toUpperCase()} ${path}`;
    return `<li><a href="#${operation.operationId}"><code>${escaped(name)}</code></a></li>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(info.title)}: reference</title><style>${style}</style></head>
<body><h1>${escaped(info.title)} <span class="dim">${escaped(info.version)}</span></h1>
<p>${escaped(info.description)} As a document for programs: <a href="openapi.json">OpenAPI</a>.</p>
<nav aria-label="Calls"><ul>${links.join("")}</ul></nav>
<main>${groups.join("")}</main></body></html>
`;
}

interface Call {
  readonly path: string;
  readonly method: string;
  readonly operation: OpenApiOperation;
}

function section({ path, method, operation }: Call): string {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  const body = requestBody?.content["application/json"]?.schema;
  const answers = Object.entries(responses)
    .filter(([status]) => status !== "default")
    .map(([status, { description: what, content }]) => {
      const [[type = "", { schema = {} } = {}] = []] = Object.entries(content ?? {});
      const head = `<h4>${escaped(status)} <span class="dim">${escaped(what)}, ${type}</span></h4>`;
      return type === "application/json" ? `${head}${fields(schema)}` : head;
    });
  const rows = parameters.map(({ name, in: where, required, schema, description: told }) =>
    row(`${name} (${where})`, { description: told, ...schema }, required),
  );
  return `<section id="${operationId}">
<h3><code><span class="method">${method.toUpperCase()}</span>${escaped(path)}</code></h3>
<p>${escaped(summary)}. <span class="dim">${escaped(description)}</span></p>
${rows.length === 0 ? "" : `<h4>Parameters</h4>${table(rows)}`}
${body === undefined ? "" : `<h4>Body</h4>${fields(body)}`}
${answers.join("")}</section>`;
}

function fields(schema: JsonSchema): string {
  return table(rowsOf(schema, ""));
}

function table(rows: readonly string[]): string {
  return `<table>${rows.join("")}</table>`;
}

function rowsOf(schema: JsonSchema, prefix: string): string[] {
  const properties = Object.entries(recordOf(schema.properties));
  const required = Array.isArray(schema.required) ? schema.required : [];
  return properties.flatMap(([name, property]) => {
    const inner = recordOf(property);
    const path = `${prefix}${name}`;
    const isList = inner.type === "array";
    const nested = isList ? recordOf(inner.items) : objectIn(inner);
    const deeper = rowsOf(nested, `${path}${isList ? "[]" : ""}.`);
    return [row(path, inner, required.includes(name)), ...deeper];
  });
}

/** What is an object or null is shown as the object. */
function objectIn(schema: JsonSchema): JsonSchema {
  if (!Array.isArray(schema.anyOf)) return schema;
  return recordOf(schema.anyOf.find((one) => recordOf(one).properties !== undefined));
}

function row(name: string, schema: JsonSchema, required: boolean): string {
  const optional = required ? "" : ' <span class="dim">optional</span>';
  const told = schema.description === undefined ? "" : String(schema.description);
  return `<tr><td><code>${escaped(name)}</code>${optional}</td>
<td><code>${escaped(typeOf(schema))}</code></td><td>${escaped(told)}</td></tr>`;
}

function typeOf(schema: JsonSchema): string {
  const { type, format, anyOf, items } = schema;
  if (Array.isArray(anyOf)) return anyOf.map((one) => typeOf(recordOf(one))).join(" or ");
  if (Array.isArray(schema.enum)) return schema.enum.map((one) => JSON.stringify(one)).join(", ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (type === "array") return `list of ${typeOf(recordOf(items))}`;
  if (format === "date-time") return "moment";
  return type === undefined ? "any JSON" : String(type);
}

function recordOf(value: unknown): JsonSchema {
  // why: what JSON Schema has in these places is an object
  return typeof value === "object" && value !== null ? (value as JsonSchema) : {};
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
